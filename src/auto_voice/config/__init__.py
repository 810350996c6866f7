"""Settings: declared in `sections`, loaded and merged by `load`, documented by `reference`."""

from __future__ import annotations

from auto_voice.config.load import load_settings
from auto_voice.config.sections import Preset, PresetName
from auto_voice.config.settings import Settings

__all__ = ["Preset", "PresetName", "Settings", "load_settings"]
