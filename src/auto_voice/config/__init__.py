"""Settings: declared in `sections`, loaded and merged by `load`, documented by `reference`."""

from __future__ import annotations

from auto_voice.config.load import (
    FILES_VARIABLE,
    Loaded,
    configured_files,
    configured_settings,
    load_settings,
    load_with_origins,
)
from auto_voice.config.problems import Problem, SettingsError
from auto_voice.config.sections import Preset, PresetName
from auto_voice.config.settings import Settings

__all__ = [
    "FILES_VARIABLE",
    "Loaded",
    "Preset",
    "PresetName",
    "Problem",
    "Settings",
    "SettingsError",
    "configured_files",
    "configured_settings",
    "load_settings",
    "load_with_origins",
]
