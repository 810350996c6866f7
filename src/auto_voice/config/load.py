"""From files and environment variables to Settings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from auto_voice.config.settings import Settings
from auto_voice.errors import ConfigurationError


def load_settings(paths: Sequence[Path] = (), environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the files, later ones over earlier, and `AUTOVOICE__SECTION__KEY` variables over all."""
    merged: dict[str, Any] = {}
    for path in paths:
        _merge(merged, yaml.safe_load(path.read_text("utf-8")))
    for name, text in environment.items():
        if name.startswith("AUTOVOICE__"):
            layer: Any = yaml.safe_load(text)
            for key in reversed(name.lower().split("__")[1:]):
                layer = {key: layer}
            _merge(merged, layer)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise ConfigurationError(str(error)) from error


def _merge(into: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
