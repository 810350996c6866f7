"""Makes the neural converter, which needs a pitch tracker to hear itself and an encoder to know voices apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auto_voice import plugins
from auto_voice.inference.conversion.neural import NeuralConverter
from auto_voice.utils.speaker import SpeakerEncoder

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime


def create(settings: Settings, runtime: ModelRuntime) -> NeuralConverter:
    """The converter of the entry point `neural`."""
    preset = settings.quality.presets[settings.quality.default_preset]
    pitch = plugins.create("pitch", preset.pitch_engine, settings, runtime)
    return NeuralConverter(runtime, pitch, SpeakerEncoder(runtime).embed)
