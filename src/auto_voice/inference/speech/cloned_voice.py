"""A cloned voice that reads by itself, where the engines in force can: text → prosody → the decoder in that voice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio
from auto_voice.features import VoiceState, no_progress
from auto_voice.inference.pipeline.engines import GivenEngines, make_engines
from auto_voice.inference.pipeline.target_voice import voice_state
from auto_voice.inference.synthesis import Prosody, Synthesizer

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime
    from auto_voice.profiles import ProfileStore


@runtime_checkable
class HalvedSynthesizer(Protocol):
    """A synthesizer whose second half can be another's."""

    def with_second_half(self, decode: Callable[[Prosody], Audio]) -> Synthesizer:
        """The same reader through another decoder."""


@runtime_checkable
class SpeakingConverter(Protocol):
    """A converter that needs no voice to start from."""

    def speak(
        self, voice: VoiceState, content: NDArray[np.float32], f0: NDArray[np.float32], energy: NDArray[np.float32]
    ) -> Audio:
        """Speak in a voice it has learnt."""


def reader_in_voice(
    synthesizer: Synthesizer, profile_id: str, profiles: ProfileStore, settings: Settings, runtime: ModelRuntime
) -> Synthesizer | None:
    """A synthesizer that reads in the profile's voice; None where the default preset's converter cannot speak.

    Raises:
        ProfileNotFoundError, StorageError: as `voice_state`.
    """
    if not isinstance(synthesizer, HalvedSynthesizer):
        return None
    engines = make_engines(settings.quality.default_preset, settings, runtime, GivenEngines())
    converter = engines.converter
    if not isinstance(converter, SpeakingConverter):
        return None
    voice = voice_state(profile_id, profiles, engines, no_progress)
    return synthesizer.with_second_half(
        lambda prosody: converter.speak(voice, prosody.content, prosody.f0, prosody.energy)
    )
