"""`autovoice config show|validate|reference`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from auto_voice.cli.output import emit, emit_json, json_option
from auto_voice.cli.session import current_session

if TYPE_CHECKING:
    from auto_voice.config import Loaded, Problem
    from auto_voice.config.problems import Key

_ENGINE_GROUPS = {
    "separation_model": "separators",
    "pitch_engine": "pitch",
    "converter": "converters",
    "engine": "tts",
}

_config_option = click.option(
    "--config",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Configuration file, on top of those given to autovoice itself; may repeat, later files win.",
)


@click.group()
def config() -> None:
    """Show and check the configuration."""


@config.command()
@_config_option
@click.option("--origin", is_flag=True, help="Say behind each value where it comes from.")
@json_option
def show(files: tuple[Path, ...], origin: bool, as_json: bool) -> None:
    """Print the settings in force, as YAML that can be loaded again. Passwords are masked."""
    loaded = _load(files)
    values = _masked(loaded)
    if as_json:
        origins = {".".join(key): loaded.origins.get(key, "default") for key in _keys()}
        emit_json({"settings": values, "origins": origins} if origin else values)
    else:
        emit("\n".join(_yaml_lines(values, loaded.origins if origin else None)))


@config.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@json_option
def validate(files: tuple[Path, ...], as_json: bool) -> None:
    """Check FILES, merged in this order with the environment: OK, or every error, and exit code 4."""
    from auto_voice.config import SettingsError

    try:
        problems = _unknown_engines(_load(files))
    except SettingsError as error:
        problems = list(error.problems)
    if as_json:
        emit_json({"valid": not problems, "problems": [vars(problem) for problem in problems]})
    elif problems:
        raise SettingsError(problems)
    else:
        emit("OK")
    if problems:
        raise click.exceptions.Exit(SettingsError.exit_code)


@config.command()
def reference() -> None:
    """Print every setting with its type, unit, default and meaning (docs/configuration.md)."""
    from auto_voice.config.reference import reference as text

    emit(text())


def _load(files: tuple[Path, ...]) -> Loaded:
    from auto_voice.config import load_with_origins

    return load_with_origins([*current_session().config_files, *files])


def _keys() -> list[Key]:
    from auto_voice.config.schema import schema

    return list(schema().leaves)


def _unknown_engines(loaded: Loaded) -> list[Problem]:
    """Engines that are named but not installed; only here, because the settings alone cannot know them."""
    from auto_voice.config import Problem
    from auto_voice.config.problems import nearest
    from auto_voice.plugins import available

    tree = loaded.settings.model_dump()
    problems = []
    for key in _keys():
        if key[-1] in _ENGINE_GROUPS:
            name, installed = _value(tree, key), available(_ENGINE_GROUPS[key[-1]])
            if name not in installed:
                message = f"no engine {name!r}{nearest(name, installed)}; there are: {', '.join(installed)}"
                problems.append(Problem(loaded.origins.get(key, "default"), ".".join(key), message))
    return problems


def _masked(loaded: Loaded) -> dict[str, Any]:
    """The settings as plain data, without the passwords that addresses may hold."""
    from auto_voice.config.schema import schema

    tree: dict[str, Any] = loaded.settings.model_dump(mode="json")
    for key, leaf in schema().leaves.items():
        value = _value(tree, key)
        if leaf.extra("secret") and value:
            _value(tree, key[:-1])[key[-1]] = re.sub(r"://[^@/]*@", "://***@", value)
    return tree


def _value(tree: Mapping[str, Any], key: Key) -> Any:
    branch: Any = tree
    for part in key:
        branch = branch[part]
    return branch


def _yaml_lines(tree: Mapping[str, Any], origins: Mapping[Key, str] | None, above: Key = ()) -> list[str]:
    lines = []
    for name, value in tree.items():
        indent = "  " * len(above)
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", *_yaml_lines(value, origins, (*above, name))]
        else:
            text = yaml.safe_dump([value], default_flow_style=True, width=math.inf).strip()[1:-1]
            comment = "" if origins is None else f"  # {origins.get((*above, name), 'default')}"
            lines.append(f"{indent}{name}: {text}{comment}")
    return lines
