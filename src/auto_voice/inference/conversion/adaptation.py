"""Per-voice adaptation of the neural converter: fit the decoder to the recording, and find out whether that helped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples
from auto_voice.errors import LowQualityAudioError
from auto_voice.features import ContentFeatures, PitchContour, Progress, part_of
from auto_voice.inference.conversion.adaptive import VoiceScores
from auto_voice.inference.conversion.decoder_input import DecoderInput, decoder_input, decoder_samples
from auto_voice.inference.conversion.decoder_voice import DecoderVoice
from auto_voice.inference.conversion.fitting.aims import VoiceAims
from auto_voice.inference.conversion.fitting.fit import FittedVoice, FittingPlan, fit_voice
from auto_voice.inference.conversion.reading import read_aloud
from auto_voice.inference.recordings.quality import bandwidth
from auto_voice.models.networks.style_decoder import SAMPLE_RATE, SAMPLES_PER_FRAME

if TYPE_CHECKING:
    from auto_voice.inference.conversion.neural_models import NeuralModels
    from auto_voice.models.runtime import ModelRuntime

Curve = NDArray[np.float32]

_HELD_OUT = 0.2
_HOLDING_OUT_FROM_SECONDS = 40.0
_UPPERMOST = 0.975
"""Of the recording's band: the last of it belongs to somebody's low-pass."""


class Speak(Protocol):
    """A voice that reads what it is given."""

    def __call__(self, content: Curve, f0: Curve, energy: Curve) -> Audio:
        """Speak: (512, frames), (2 × frames,) and (2 × frames,), see DecoderInput."""


class VoiceJudge(Protocol):
    """Tells how good a voice is, by sentences of its own that are no part of any recording."""

    def __call__(self, speak: Speak, target: Audio, median_hz: float) -> VoiceScores:
        """Let the voice speak around `median_hz`, and compare with a recording of the target."""


@dataclass(frozen=True, kw_only=True)
class AdaptedVoice:
    """A voice fitted to a recording, scored as it would be used beside the one that it started from."""

    voice: DecoderVoice
    before: VoiceScores
    after: VoiceScores
    steps: int
    seconds: float

    @property
    def better(self) -> bool:
        """Whether the fitted voice is worth having."""
        return self.after.total > self.before.total


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """Fits voices. Thread-safe; the networks are leased.

    Attributes:
        runtime: where models live.
        models: the neural converter's networks.
        embed: a recording → its GE2E embedding, float32 (256,), unit norm.
        judge: decides whether a fitted voice is better.
        plan: for how long voices are fitted.
    """

    runtime: ModelRuntime
    models: NeuralModels
    embed: Callable[[Audio], NDArray[np.float32]]
    judge: VoiceJudge
    plan: FittingPlan

    def adapt(
        self,
        recording: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        start: DecoderVoice,
        likeness: float,
        progress: Progress,
    ) -> AdaptedVoice:
        """Fit a voice to all of a recording but its end, which is kept for the judge if it is long enough.

        Args:
            recording: the voice, cleaned.
            contour, content: of it.
            start: the voice to begin from.
            likeness: how far on the way from `start` to the fitted voice it will be used.

        Raises:
            LowQualityAudioError: there is not enough voice in the recording.
            ConversionFailedError: the fitting failed.
        """
        begun = time.monotonic()
        voiced = contour.f0[contour.voiced]
        if not len(voiced):
            raise LowQualityAudioError(
                "there is no voice in the recording to fit to", suggestions=["record 30 to 120 seconds of speech"]
            )
        median = float(np.median(voiced))
        samples = decoder_samples(recording)
        with self.models.mapper() as mapper:
            given = decoder_input(recording, samples, contour, content, mapper)
        heard, held_out = _parted(given, samples, recording.duration)
        progress(0.05)
        before = self.judge(self._speaker(start), held_out, median)
        progress(0.1)
        band = _UPPERMOST * bandwidth(recording.mono(), recording.sample_rate)
        fitted = self._fit(start, heard, samples, band, part_of(progress, 0.1, 0.95))
        after = self.judge(self._speaker(start.towards(fitted.voice, likeness)), held_out, median)
        progress(1.0)
        return AdaptedVoice(
            voice=fitted.voice,
            before=before,
            after=after,
            steps=len(fitted.losses),
            seconds=time.monotonic() - begun,
        )

    def _fit(
        self, start: DecoderVoice, given: DecoderInput, samples: Samples, band_hz: float, progress: Progress
    ) -> FittedVoice:
        samples = samples[: given.frames * SAMPLES_PER_FRAME]
        embedding = self.embed(Audio(samples[None], SAMPLE_RATE))

        def work(device: str, scale: float) -> FittedVoice:  # noqa: ARG001 - one short segment at a time already
            with self.models.decoder() as decoder, self.models.listener() as listener:
                aims = VoiceAims(listener, embedding, band_hz, device)
                return fit_voice(decoder, start, given, samples, aims, self.plan, device=device, progress=progress)

        return self.runtime.run(work, "voice adaptation")

    def _speaker(self, voice: DecoderVoice) -> Speak:
        return partial(read_aloud, self.runtime, self.models, voice)


def _parted(given: DecoderInput, samples: Samples, seconds: float) -> tuple[DecoderInput, Audio]:
    """What is fitted to, and the sound of what is held out: all of a recording that is too short to be parted."""
    if seconds < _HOLDING_OUT_FROM_SECONDS:
        return given, Audio(samples[None], SAMPLE_RATE)
    end = round(given.frames * (1 - _HELD_OUT))
    heard = replace(given, content=given.content[:, :end], f0=given.f0[: 2 * end], energy=given.energy[: 2 * end])
    return heard, Audio(samples[None, end * SAMPLES_PER_FRAME :], SAMPLE_RATE)
