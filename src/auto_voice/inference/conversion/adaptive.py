"""Converters that can be fitted to a voice, beyond what they learn of it at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from auto_voice.audio import Audio
from auto_voice.features import ContentFeatures, PitchContour, Progress, VoiceState, no_progress

_OPINION = 0.1


@dataclass(frozen=True, kw_only=True)
class VoiceScores:
    """How good a voice is.

    Attributes:
        similarity: cosine of the speaker embedding to the target's, −1 to 1.
        naturalness: mean opinion score, 1 to 5.
    """

    similarity: float
    naturalness: float

    @property
    def total(self) -> float:
        """Both as one number: a tenth of a cosine, as from brother to brother, is worth a point of opinion."""
        return self.similarity + _OPINION * self.naturalness


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What came of fitting a converter to a voice.

    Attributes:
        state: what the converter is to know of the voice from now on.
        kept: whether it is the fitted voice; if not, it scored no better than the one it started from.
        before: scores of the voice as it was learnt.
        after: scores of the fitted voice, as it would be used.
        steps: of gradient descent.
        seconds: that everything took.
    """

    state: VoiceState
    kept: bool
    before: VoiceScores
    after: VoiceScores
    steps: int
    seconds: float


@runtime_checkable
class AdaptiveConverter(Protocol):
    """A converter that can be fitted to a voice."""

    name: str

    def adapt(
        self,
        recording: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        progress: Progress = no_progress,
    ) -> Adaptation:
        """Fit to a voice, in minutes.

        Args:
            recording: the voice, cleaned.
            contour, content: of it.
            voice: what `Converter.learn` made of it; an earlier adaptation in it does not count.
            progress: called with 0–1; cancels by raising.

        Raises:
            LowQualityAudioError: there is not enough voice in the recording.
            ConversionFailedError: the voice was learnt by another converter, or the fitting failed.
            ModelLoadError: a model that is needed is not installed.
        """
