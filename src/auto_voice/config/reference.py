"""docs/configuration.md, made from the declarations so that it cannot differ from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from auto_voice.config.fields import File, Folder, Number, Switch, Whole
from auto_voice.config.problems import Key, dotted
from auto_voice.config.schema import ALIASES, Leaf, schema

_INTRODUCTION = """\
# Configuration

<!-- Made by `autovoice config reference`; change src/auto_voice/config/sections.py instead. -->

AutoVoice needs no configuration. Without a file it listens on this machine only, keeps its data in the
user's data folder, needs no API key and takes the GPU where there is one: the **local default**, the column
*default* below.

Three things change that, each winning over the ones before:

1. **Files** in YAML, given as `autovoice --config first.yaml --config second.yaml …`. They are merged key by
   key, so a later file needs to hold only what it changes. Where no file is given, the variable
   `AUTOVOICE_CONFIG` names them, parted by `:`.
2. **Environment variables** named `AUTOVOICE__SECTION__KEY`. Their values are read as YAML: `8`, `true`,
   `null`, `[https://a.example, https://b.example]`. An empty value is `null`.
3. What a command line option or a request says for itself.

`autovoice config show --origin` prints the settings in force and where each comes from.
`autovoice config validate FILE…` finds everything that is wrong with files and exits with code 4 if anything
is. A key that does not exist is an error that names the nearest one that does. Aliases, tags and duplicate
keys of YAML are refused.

## The files that come along

| file | for |
|---|---|
| `config/production.yaml` | a server: all addresses, API keys, `/data`, a GPU, logs in `/var/log/autovoice` |
| `config/gpu_tuning.yaml` | on top of it, a GPU with room to spare: TensorRT, CUDA graphs, large batches |
| `config/cache_tuning.yaml` | on top of it, users who return to the same songs: a larger cache, for longer |
| `config/concurrency_tuning.yaml` | on top of it, several users at a time: more conversions, and a queue |
| `config/logging.yaml` | the server's log files, in the form of Python's `logging.config.dictConfig` |

For example `autovoice --config config/production.yaml --config config/cache_tuning.yaml config show`.

## What is refused

Besides values out of their range:

- a reachable `server.host` with `security.api_key_required: false`, unless `security.allow_insecure: true`;
- `limits.min_profile_duration_s` not below `limits.max_profile_duration_s`;
- a `quality.default_preset` that is switched off;
- a `monitoring.prometheus_port` that is `server.port` itself;
- two folders of `storage` that are the same.
"""

_WORDS: dict[Any, str] = {
    Whole: "whole number",
    Number: "number",
    Switch: "`true`, `false`",
    Folder: "folder",
    File: "file",
    int: "whole number",
    float: "number",
    bool: "`true`, `false`",
    str: "text",
    Path: "folder",
}


def reference() -> str:
    """The configuration reference in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections()]).rstrip()


def _sections() -> Iterator[str]:
    for key, section in schema().sections.items():
        leaves = [leaf for leaf in schema().leaves.values() if leaf.key[:-1] == key]
        if not leaves:
            continue
        yield f"## `{dotted(key)}`\n"
        yield f"{section.__doc__}\n"
        yield "| key | type | unit | default | meaning | environment variable |"
        yield "|---|---|---|---|---|---|"
        yield from map(_row, leaves)
        yield from _aliases(key)
        yield ""


def _row(leaf: Leaf) -> str:
    cells = (
        f"`{leaf.key[-1]}`",
        _type(leaf.field),
        leaf.extra("unit"),
        leaf.extra("shown") or _value(leaf.default),
        leaf.field.description or "",
        f"`{leaf.variable}`",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _aliases(section: Key) -> Iterator[str]:
    for alias, home in ALIASES.items():
        if alias[:-1] == section:
            yield f"\n`{alias[-1]}` is accepted here too and means `{dotted(home)}`."


def _type(field: FieldInfo) -> str:
    bounds = []
    for rule in field.metadata:
        if isinstance(rule, annotated_types.Ge):
            bounds.append(f"≥ {rule.ge:,}")
        elif isinstance(rule, annotated_types.Gt):
            bounds.append(f"> {rule.gt:,}")
        elif isinstance(rule, annotated_types.Le):
            bounds.append(f"≤ {rule.le:,}")
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    if annotation in _WORDS:
        return _WORDS[annotation]
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if get_origin(annotation) is tuple:
        return f"list of {_kind(arguments[0])}"
    if NoneType in arguments:
        return f"{_kind(arguments[0])}, or `null`"
    return _kind(arguments[0])  # text with a pattern


def _value(default: Any) -> str:
    if default is None:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default) or "none"
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{default}`"
