"""Settings: declared in `sections`, loaded and merged by `load`, documented by `reference`."""

from __future__ import annotations

from auto_voice.config.load import Loaded, load_settings, load_with_origins
from auto_voice.config.problems import Problem, SettingsError
from auto_voice.config.sections import Preset, PresetName
from auto_voice.config.settings import Settings

__all__ = [
    "Loaded",
    "Preset",
    "PresetName",
    "Problem",
    "Settings",
    "SettingsError",
    "load_settings",
    "load_with_origins",
]
