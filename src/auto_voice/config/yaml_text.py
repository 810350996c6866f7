"""YAML with line numbers, and without its dangers: no aliases, no tags, no duplicate keys, bounded depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_MAX_DEPTH = 16
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}
# What YAML takes for a date, a merge key or a default value is plain text to us.
_TEXTS = {f"tag:yaml.org,2002:{name}" for name in ("timestamp", "merge", "value")}
_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


class YamlError(Exception):
    """The text is not YAML that we accept."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message = message
        self.line = line
        super().__init__(message)


class _Composer(yaml.SafeLoader):
    """Makes nodes only; refuses aliases, which can blow a few lines up to gigabytes."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise YamlError("aliases (*name) are not allowed; write the value out", line)
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise YamlError("nested too deeply", line)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def compose(text: str) -> yaml.Node | None:
    """The one document in the text as a tree of nodes that know their lines; None when there is nothing.

    Raises:
        YamlError: not YAML, or YAML with aliases or tags of its own.
    """
    try:
        loader = _Composer(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(f"not valid YAML: {error.problem or error.context}", mark.line + 1 if mark else None) from error
    except yaml.reader.ReaderError as error:
        raise YamlError(f"not a text file: {error.reason}", text.count("\n", 0, error.position) + 1) from error
    return node


def line_of(node: yaml.Node) -> int:
    """The line a node begins on, from 1."""
    return int(node.start_mark.line) + 1


def entries(node: yaml.MappingNode) -> Iterator[tuple[str, int, yaml.Node] | YamlError]:
    """Keys with their line and value; a YamlError in place of a key that is no text or comes twice."""
    seen: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            yield YamlError("a key should be a word", line_of(key))
        elif key.value in seen:
            yield YamlError(f"{key.value!r} is given twice; first in line {seen[key.value]}", line_of(key))
        else:
            seen[key.value] = line_of(key)
            yield key.value, line_of(key), value


def construct(node: yaml.Node) -> Any:
    """Text, number, bool, None, or lists and dicts of them.

    Raises:
        YamlError: a tag of its own, or a value that its tag does not allow.
    """
    if isinstance(node, yaml.ScalarNode):
        if node.tag in _TEXTS:
            return node.value
        if node.tag in _SCALARS:
            try:
                return yaml.constructor.SafeConstructor().construct_object(node)
            except (ValueError, KeyError, yaml.YAMLError) as error:
                raise YamlError(f"not a valid {node.tag.rpartition(':')[2]}", line_of(node)) from error
    if node.tag not in _COLLECTIONS:
        raise YamlError(f"tags ({node.tag}) are not allowed", line_of(node))
    if isinstance(node, yaml.SequenceNode):
        return [construct(item) for item in node.value]
    found: dict[str, Any] = {}
    for entry in entries(node):  # type: ignore[arg-type]
        if isinstance(entry, YamlError):
            raise entry
        found[entry[0]] = construct(entry[2])
    return found
