"""Conversion: the same words and melody in the target's voice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from auto_voice.audio import Audio
from auto_voice.features import ContentFeatures, PitchContour, Progress, VoiceState, no_progress
from auto_voice.inference.conversion.adaptive import Adaptation, AdaptiveConverter
from auto_voice.inference.conversion.retrieval import RetrievalConverter
from auto_voice.inference.conversion.transposition import choose_transposition

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

__all__ = ["Adaptation", "AdaptiveConverter", "Converter", "choose_transposition", "retrieval"]


class Converter(Protocol):
    """Sings in another's voice. Engines register under the entry point group `auto_voice.converters`."""

    name: str

    def learn(self, recording: Audio, contour: PitchContour, content: ContentFeatures) -> VoiceState:
        """What the converter needs to know of a target voice, from its cleaned recording.

        Raises:
            LowQualityAudioError: there is not enough voice in the recording.
        """

    def fits(self, voice: VoiceState, content_model: str) -> bool:
        """Whether what was learnt earlier can be used, by the converter as it is now, with these content features.

        If not, the voice is learnt anew from its recording.
        """

    def convert(
        self,
        vocals: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        semitones: float = 0.0,
        progress: Progress = no_progress,
    ) -> Audio:
        """Sing `vocals` in the voice that was learnt.

        Args:
            vocals: any rate, channels and length.
            contour, content: of `vocals`.
            semitones: transposition, −12…12.

        Returns:
            Same rate, channels and length as `vocals`.

        Raises:
            ConversionFailedError: the voice was learnt by another converter or with another content model.
        """


def retrieval(settings: Settings, runtime: ModelRuntime) -> RetrievalConverter:  # noqa: ARG001
    """Make the training-free converter."""
    return RetrievalConverter()
