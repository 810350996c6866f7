"""The engines of one preset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auto_voice import plugins
from auto_voice.config import PresetName, Settings

if TYPE_CHECKING:
    from auto_voice.inference.content import ContentExtractor
    from auto_voice.inference.conversion import Converter
    from auto_voice.inference.pitch import PitchExtractor
    from auto_voice.inference.separation import Separator
    from auto_voice.models.runtime import ModelRuntime


@dataclass(frozen=True, kw_only=True)
class Engines:
    """One engine for each stage that needs one."""

    separator: Separator
    pitch: PitchExtractor
    content: ContentExtractor
    converter: Converter


@dataclass(frozen=True, kw_only=True)
class GivenEngines:
    """Engines handed over by the caller; None where the preset's serves."""

    separator: Separator | None = None
    pitch: PitchExtractor | None = None
    content: ContentExtractor | None = None
    converter: Converter | None = None


def make_engines(preset: PresetName, settings: Settings, runtime: ModelRuntime, given: GivenEngines) -> Engines:
    """The engines of a preset. Making them loads no model; each loads its own when it first works.

    Factories see the preset in force as the settings' default preset.

    Raises:
        InvalidParametersError: the preset names an engine that is not installed.
    """
    quality = settings.quality.model_copy(update={"default_preset": preset})
    settings = settings.model_copy(update={"quality": quality})
    chosen = quality.presets[preset]

    def engine(group: str, name: str) -> Any:
        return plugins.create(group, name, settings, runtime)

    return Engines(
        separator=given.separator or engine("separators", chosen.separation_model),
        pitch=given.pitch or engine("pitch", chosen.pitch_engine),
        content=given.content or _content(runtime),
        converter=given.converter or engine("converters", chosen.converter),
    )


def _content(runtime: ModelRuntime) -> ContentExtractor:
    from auto_voice.inference.content import WhisperContent

    return WhisperContent(runtime)
