"""Makes the neural converter, which needs a pitch tracker to hear itself and an encoder to know voices apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auto_voice import plugins
from auto_voice.inference.conversion.adaptation import Adapter
from auto_voice.inference.conversion.fitting.fit import FittingPlan
from auto_voice.inference.conversion.neural import NeuralConverter
from auto_voice.inference.conversion.neural_models import NeuralModels
from auto_voice.inference.pipeline.lyrics import Lyrics
from auto_voice.inference.pipeline.voice_trial import VoiceTrial
from auto_voice.inference.synthesis import KokoroSynthesizer
from auto_voice.utils.intelligibility import WordRecognizer
from auto_voice.utils.speaker import SpeakerEncoder

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

_ATTEMPTS = {"medium": 1, "high": 1, "highest": 2}
"""How often a song is sung, by `vocoder_quality`."""


def create(settings: Settings, runtime: ModelRuntime) -> NeuralConverter:
    """The converter of the entry point `neural`."""
    preset = settings.quality.presets[settings.quality.default_preset]
    models, embed = NeuralModels(runtime), SpeakerEncoder(runtime).embed
    adapter = Adapter(
        runtime=runtime,
        models=models,
        embed=embed,
        judge=VoiceTrial(settings, runtime),
        plan=FittingPlan(max_seconds=settings.conversion.adaptation_seconds),
    )
    return NeuralConverter(
        runtime,
        models,
        plugins.create("pitch", preset.pitch_engine, settings, runtime),
        embed,
        adapter,
        likeness=settings.conversion.likeness,
        attempts=_ATTEMPTS[preset.vocoder_quality],
        hear_words=Lyrics(WordRecognizer(runtime), KokoroSynthesizer(settings, runtime))
        if settings.conversion.recognise_words
        else None,
    )
