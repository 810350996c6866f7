"""What one file, or the environment, says: values by key, each with its place, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from auto_voice.config.problems import Key, Problem, dotted
from auto_voice.config.schema import ALIASES, Leaf, schema
from auto_voice.config.yaml_text import YamlError, compose, construct, entries, line_of

_PREFIX = "AUTOVOICE__"
_MAX_FILE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Given:
    """A value and where it was given: `file:line` or a variable's name."""

    value: Any
    place: str


@dataclass
class Layer:
    """Values of one source. A key is a setting's own, whatever alias it was written under."""

    values: dict[Key, Given] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, key: Key, value: Any, place: str) -> None:
        """Take a value; the same setting given twice with two values is a problem."""
        home = ALIASES.get(key, key)
        other = self.values.get(home)
        if other is not None and other.value != value:
            self.report(place, key, f"contradicts {other.place}, which gives {other.value!r} for the same setting")
        else:
            self.values[home] = Given(value, place)

    def report(self, place: str, key: Key, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(place, dotted(key), message))


def read_file(path: Path) -> Layer:
    """What a YAML file says. Whatever is wrong with it ends up in the layer's problems."""
    layer = Layer()
    try:
        node = compose(_text_of(path))
        if node is None:
            raise YamlError("the file is empty")
        if not isinstance(node, yaml.MappingNode):
            raise YamlError("should be sections with keys, as `server:`, then `  port: 5000`", line_of(node))
        _read_section(layer, path, (), node)
    except YamlError as error:
        layer.report(_place(path, error.line), (), error.message)
    return layer


def read_environment(environment: Mapping[str, str]) -> Layer:
    """What `AUTOVOICE__SECTION__KEY` variables say. Values are YAML: numbers, true, null, [lists], text."""
    layer = Layer()
    for name, text in sorted(environment.items()):
        if not name.startswith(_PREFIX):
            continue
        key = tuple(name[len(_PREFIX) :].lower().split("__"))
        leaf = schema().leaves.get(ALIASES.get(key, key))
        if leaf is not None:
            try:
                layer.add(key, _environment_value(leaf, text), name)
            except YamlError as error:
                layer.report(name, key, error.message)
        elif key in schema().sections:
            layer.report(name, key, f"is a section; a variable sets one key, as {name}__KEY")
        else:
            layer.report(name, (), schema().explain_unknown(key))
    return layer


def _environment_value(leaf: Leaf, text: str) -> Any:
    if text in ("", "null"):
        return None
    if leaf.is_text:
        return text
    node = compose(text)
    return None if node is None else construct(node)


def _text_of(path: Path) -> str:
    """The file's text; only a regular file of sensible size, so that no device or pipe holds us up."""
    try:
        if path.exists() and not path.is_file():
            raise YamlError("is not a file")
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise YamlError(f"cannot be read: {error.strerror or error}") from error
    if len(data) > _MAX_FILE_BYTES:
        raise YamlError(f"is larger than {_MAX_FILE_BYTES // 1024} KiB, which is no configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError("is not UTF-8 text", data.count(b"\n", 0, error.start) + 1) from error


def _read_section(layer: Layer, path: Path, key: Key, node: yaml.MappingNode) -> None:
    for entry in entries(node):
        if isinstance(entry, YamlError):
            layer.report(_place(path, entry.line), key, entry.message)
            continue
        name, line, value = entry
        _read_entry(layer, path, (*key, name), line, value)


def _read_entry(layer: Layer, path: Path, key: Key, line: int, node: yaml.Node) -> None:
    if key in schema().sections and isinstance(node, yaml.MappingNode):
        _read_section(layer, path, key, node)
        return
    place = _place(path, line)
    try:
        value = construct(node)
    except YamlError as error:
        layer.report(_place(path, error.line), key, error.message)
        return
    if ALIASES.get(key, key) in schema().leaves:
        layer.add(key, value, place)
    elif key not in schema().sections:
        layer.report(place, key[:-1], schema().explain_unknown(key))
    elif value is not None:  # a section whose keys are all commented out reads as null
        layer.report(place, key, f"is a section: it has keys below it, not the value {value!r}")


def _place(path: Path, line: int | None) -> str:
    return f"{path}:{line}" if line else str(path)
