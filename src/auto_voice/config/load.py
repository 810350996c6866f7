"""From files and environment variables to Settings, with everything that is wrong told at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from auto_voice.config.layers import Given, Layer, read_environment, read_file
from auto_voice.config.problems import Key, Problem, SettingsError, dotted, nearest
from auto_voice.config.schema import schema
from auto_voice.config.settings import Settings

FILES_VARIABLE = "AUTOVOICE_CONFIG"
"""Names the configuration files where none is given otherwise, parted as PATH is."""

_RATE_LIMIT_STORAGE = ("security", "rate_limit_storage")
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Loaded:
    """Settings, and for every key that was given where that was (`file:line` or a variable's name)."""

    settings: Settings
    origins: Mapping[Key, str]


def load_settings(paths: Sequence[Path] = (), environment: Mapping[str, str] = os.environ) -> Settings:
    """Defaults, under the files (later ones win, key by key), under `AUTOVOICE__SECTION__KEY` variables.

    Raises:
        SettingsError: a ConfigurationError that lists every problem with its file and line.
    """
    return load_with_origins(paths, environment).settings


def configured_files(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that AUTOVOICE_CONFIG names."""
    return [Path(name) for name in environment.get(FILES_VARIABLE, "").split(os.pathsep) if name]


def configured_settings(paths: Sequence[Path] = (), environment: Mapping[str, str] = os.environ) -> Settings:
    """As load_settings; where no file is given, those that AUTOVOICE_CONFIG names serve."""
    return load_settings(paths or configured_files(environment), environment)


def load_with_origins(paths: Sequence[Path] = (), environment: Mapping[str, str] = os.environ) -> Loaded:
    """As load_settings, with the origin of each value."""
    layers = [_common_variables(environment), *map(read_file, paths), read_environment(environment)]
    problems = [problem for layer in layers for problem in layer.problems]
    given: dict[Key, Given] = {}
    for layer in layers:
        given.update(layer.values)
    try:
        settings = Settings.model_validate(_tree(given))
    except ValidationError as error:
        problems += [problem for details in error.errors() for problem in _explain(details, given)]
        raise SettingsError(problems) from error
    if problems:
        raise SettingsError(problems)
    return Loaded(settings, {key: value.place for key, value in given.items()})


def _common_variables(environment: Mapping[str, str]) -> Layer:
    """REDIS_URL, which many hosts set, serves where the configuration names no storage of its own."""
    layer = Layer()
    if environment.get("REDIS_URL"):
        layer.add(_RATE_LIMIT_STORAGE, environment["REDIS_URL"], "REDIS_URL")
    return layer


def _tree(given: Mapping[Key, Given]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for key, value in given.items():
        branch = root
        for part in key[:-1]:
            branch = branch.setdefault(part, {})
        branch[key[-1]] = value.value
    return root


def _explain(details: ErrorDetails, given: Mapping[Key, Given]) -> list[Problem]:
    """One of pydantic's errors in the words of a configuration file."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "default_factory_not_called":  # follows from another error, which is reported itself
        return []
    if kind == "contradictions":
        return [Problem(_place(key, given), dotted(key), message) for key, message in context["found"]]
    key = tuple(str(part) for part in details["loc"] if not isinstance(part, int))
    message = (
        details["msg"]
        .replace("Input should", "should")
        .replace("String should", "should")
        .replace("valid tuple", "list")
    )
    if kind == "value_error":
        message = str(context["error"])
    elif kind == "path_type":
        message = "should be a path"
    elif kind == "none_required" or details["input"] is None:
        message = f"{message}, not empty"
    leaf = schema().leaves.get(key)
    if details["input"] is not None and not (leaf and leaf.extra("secret")):
        message += f", not {_shortened(details['input'])}"
    if kind == "literal_error":
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        message += nearest(str(details["input"]), choices)
    return [Problem(_place(key, given), dotted(details["loc"]), message)]


def _place(key: Key, given: Mapping[Key, Given]) -> str:
    return given[key].place if key in given else "default"


def _shortened(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
