"""The neural converter: a decoder adapted to the voice, and the filtered source where that cannot be trusted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples
from auto_voice.errors import ConversionFailedError
from auto_voice.features import ContentFeatures, PitchContour, Progress, VoiceState, no_progress, part_of
from auto_voice.inference.conversion.adaptation import Adapter
from auto_voice.inference.conversion.adaptive import Adaptation
from auto_voice.inference.conversion.decoder_input import DecoderInput, decoder_input, decoder_samples
from auto_voice.inference.conversion.decoder_voice import DecoderVoice, sing
from auto_voice.inference.conversion.joining import join, trust
from auto_voice.inference.conversion.pitch_following import asked_anew
from auto_voice.inference.conversion.reading import read_aloud
from auto_voice.inference.conversion.retrieval import RetrievalConverter
from auto_voice.inference.conversion.wording import HearWords
from auto_voice.models.networks.style_decoder import SAMPLE_RATE

if TYPE_CHECKING:
    from auto_voice.inference.conversion.neural_models import NeuralModels
    from auto_voice.models.runtime import ModelRuntime

Embed = Callable[[Audio], NDArray[np.float32]]


class Tracker(Protocol):
    """The part of a pitch extractor that is needed here."""

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        """The melody of one voice."""


ADAPTED = "adapted."
_FILTER = "filter."


class NeuralConverter:
    """Sings through Kokoro's decoder, given content that was heard instead of read, in a voice fitted to it.

    Where the decoder cannot be trusted (a note missing or far off, breaths it swallows, everything above 12 kHz, the
    sides of a stereo image) the retrieval converter serves, so that nothing of the song is lost. Thread-safe; the
    networks are leased from the runtime.

    Args:
        runtime: where models live.
        models: the networks.
        pitch: tracks what the decoder sang.
        embed: knows voices apart: a recording → a point on GE2E's sphere, float32 (256,).
        adapter: fits voices.
        likeness: 0–1, how far an adapted voice goes from the one it started at: all the way is most alike and rougher.
        attempts: how often a song is sung; each hears the one before and leans against its misses of the melody.
        hear_words: recognises what is sung, so that it is said more clearly.
    """

    name = "neural"

    def __init__(
        self,
        runtime: ModelRuntime,
        models: NeuralModels,
        pitch: Tracker,
        embed: Embed,
        adapter: Adapter,
        *,
        likeness: float,
        attempts: int = 1,
        hear_words: HearWords | None = None,
    ) -> None:
        self._runtime = runtime
        self._models = models
        self._embed = embed
        self._pitch = pitch
        self._adapter = adapter
        self._likeness = likeness
        self._attempts = attempts
        self._hear_words = hear_words
        self._filter = RetrievalConverter()

    def learn(self, recording: Audio, contour: PitchContour, content: ContentFeatures) -> VoiceState:
        """See Converter; at once, without fitting anything: the voice's place among those the decoder has seen.

        Raises:
            LowQualityAudioError: there are not four seconds of voice in it.
        """
        heard = self._filter.learn(recording, contour, content)
        return {
            "weights": np.frombuffer(self._models.weights.encode(), np.uint8).copy(),
            **voice_arrays(self._expected_voice(recording)),
            **{_FILTER + name: value for name, value in heard.items()},
        }

    def fits(self, voice: VoiceState, content_model: str) -> bool:
        """See Converter; a voice is a place in one decoder and means nothing in another."""
        weights = bytes(voice["weights"]).decode() if "weights" in voice else None
        return weights == self._models.weights and self._filter.fits(_of_the_filter(voice), content_model)

    def adapt(
        self,
        recording: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        progress: Progress = no_progress,
    ) -> Adaptation:
        """See AdaptiveConverter; the fitted voice adds 75 KB to what was learnt.

        Raises:
            LowQualityAudioError: there is not enough voice in the recording.
            ConversionFailedError: the voice was learnt by another converter, or the fitting failed.
        """
        learnt = {name: value for name, value in voice.items() if not name.startswith(ADAPTED)}
        start = decoder_voice(learnt, self._likeness)
        adapted = self._adapter.adapt(recording, contour, content, start, self._likeness, progress)
        return Adaptation(
            state={**learnt, **voice_arrays(adapted.voice, ADAPTED)} if adapted.better else learnt,
            kept=adapted.better,
            before=adapted.before,
            after=adapted.after,
            steps=adapted.steps,
            seconds=adapted.seconds,
        )

    def convert(
        self,
        vocals: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        semitones: float = 0.0,
        progress: Progress = no_progress,
    ) -> Audio:
        """See Converter.

        Raises:
            ConversionFailedError: the voice was learnt by another converter or with another content model.
        """
        singer = decoder_voice(voice, self._likeness)
        heard = _of_the_filter(voice)
        filtered = self._filter.convert(vocals, contour, content, heard, semitones, part_of(progress, 0.0, 0.25))
        wanted = _transposed(contour, semitones)
        samples = decoder_samples(vocals)
        if not len(samples) or not wanted.voiced.any():
            progress(1.0)
            return filtered
        lines = self._hear_words(vocals, part_of(progress, 0.25, 0.4)) if self._hear_words else []
        with self._models.mapper() as mapper:
            given = decoder_input(vocals, samples, wanted, content, mapper, lines)
        source = Audio(samples[None], SAMPLE_RATE)
        spans = list(pairwise(np.linspace(0.4, 0.95, self._attempts + 1)))
        sung, measured = self._attempt(singer, given, part_of(progress, *spans[0]))
        for span in spans[1:]:
            given = asked_anew(given, measured, wanted)
            sung, measured = self._attempt(singer, given, part_of(progress, *span))
        weights = trust(sung, measured, wanted, source)
        joined = join(sung, filtered, weights, measured.hop_seconds)
        progress(1.0)
        return joined

    def speak(
        self, voice: VoiceState, content: NDArray[np.float32], f0: NDArray[np.float32], energy: NDArray[np.float32]
    ) -> Audio:
        """Speak what the decoder's own first half has worked out from a text: nothing needs to be heard first.

        Args:
            voice: as `convert`.
            content, f0, energy: (512, frames), (2 × frames,), (2 × frames,); see DecoderInput.

        Raises:
            ConversionFailedError: the voice was learnt by another converter.
        """
        speaker = decoder_voice(voice, self._likeness)
        return read_aloud(self._runtime, self._models, speaker, content, f0, energy)

    def _expected_voice(self, recording: Audio) -> DecoderVoice:
        embedding = torch.from_numpy(self._embed(recording))[None]
        with self._models.prior() as prior, torch.inference_mode():
            style, film = prior(embedding)
        return DecoderVoice(style=style[0].numpy(), film=film[0].numpy())

    def _attempt(self, voice: DecoderVoice, given: DecoderInput, progress: Progress) -> tuple[Audio, PitchContour]:
        """What was sung, and its melody."""

        def work(device: str, scale: float) -> Samples:  # noqa: ARG001 - phrases are the smallest parts there are
            with self._models.decoder() as decoder:
                return sing(decoder, voice, given, device, progress)

        sung = Audio(self._runtime.run(work, "neural conversion")[None], SAMPLE_RATE)
        return sung, self._pitch.extract(sung)


def voice_arrays(voice: DecoderVoice, prefix: str = "") -> dict[str, NDArray[Any]]:
    """A decoder's voice as it is stored, in 16 bits: 75 KB."""
    return {f"{prefix}{part}": getattr(voice, part).astype(np.float16) for part in ("style", "film")}


def decoder_voice(state: VoiceState, likeness: float) -> DecoderVoice:
    """The stored voice: the one it started at, or so far on the way to the adapted one.

    Raises:
        ConversionFailedError: there is none in it.
    """

    def stored(prefix: str) -> DecoderVoice:
        return DecoderVoice(
            style=state[f"{prefix}style"].astype(np.float32), film=state[f"{prefix}film"].astype(np.float32)
        )

    if "style" not in state or "film" not in state:
        raise ConversionFailedError(
            "this voice was learnt by another converter", suggestions=["clone the voice again from its recording"]
        )
    start = stored("")
    return start.towards(stored(ADAPTED), likeness) if f"{ADAPTED}film" in state else start


def _of_the_filter(voice: VoiceState) -> VoiceState:
    return {name.removeprefix(_FILTER): value for name, value in voice.items() if name.startswith(_FILTER)}


def _transposed(contour: PitchContour, semitones: float) -> PitchContour:
    ratio = np.float32(2 ** (semitones / 12))
    return PitchContour(f0=contour.f0 * ratio, confidence=contour.confidence, hop_seconds=contour.hop_seconds)
