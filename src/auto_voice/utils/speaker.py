"""Who is speaking: embeddings of a voice and how alike two voices are.

The embedding is Resemblyzer's: partial utterances of 1.6 s, 1.3 a second, through the GE2E network, averaged.
One thing differs: pauses are found by level instead of by WebRTC's voice detector. They are cut out either
way, so that the long rests of a vocal stem don't count as voice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.errors import AudioTooShortError, InvalidAudioError, LowQualityAudioError
from auto_voice.models.networks.ge2e import GE2E, HOP, PARTIAL_FRAMES, SAMPLE_RATE
from auto_voice.utils.threads import one_thread

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

ENCODER = "ge2e"
"""Name of the encoder, given with every similarity: figures of different encoders can't be compared."""

MINIMUM_SECONDS = 0.8
"""Shortest voiced sound that an embedding is made of; half a partial utterance."""

MOST_PARTIALS = 200
"""What is heard of a long recording: at most this many partial utterances, evenly spread (2.6 minutes without gap)."""

Embedding = NDArray[np.float32]

_QUIETEST_DBFS = -30.0
"""Quieter recordings are raised to this level, louder ones left: the network hears power, not decibels."""
_PARTIALS_PER_SECOND = 1.3
_MINIMUM_COVERAGE = 0.75
_BATCH = 64

_WINDOW = 480
_RANGE_DB = 40.0
_FLOOR_DBFS = -65.0
_KEPT_PAUSE_WINDOWS = 7


class VoiceEncoder(Protocol):
    """What every speaker encoder does; figures of different ones cannot be compared."""

    name: str

    def embed(self, audio: Audio) -> Embedding:
        """The voice of a recording: float32 (dimensions,), unit norm."""

    def split_half_similarity(self, audio: Audio) -> float:
        """Cosine between the two halves of one recording."""


class SpeakerEncoder:
    """Embeds voices with the GE2E network. Holds no state of its own: safe to share between threads."""

    name = ENCODER

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    def embed(self, audio: Audio) -> Embedding:
        """The voice of a recording as a point on the unit sphere.

        Args:
            audio: speech or singing of one voice, any rate and channels. Every pause is left out.

        Returns:
            float32 (256,), unit norm.

        Raises:
            InvalidAudioError: there are samples that aren't numbers.
            LowQualityAudioError: nothing but silence.
            AudioTooShortError: less than 0.8 s of sound.
            ModelLoadError: the network isn't installed.
        """
        return mean_voice(self._partials(sounding(audio)))

    def split_half_similarity(self, audio: Audio) -> float:
        """Cosine between the two halves of one recording: the most that a copy of its voice can reach.

        Raises:
            As `embed`; from 3.2 s of sound on there are two halves.
        """
        wave = sounding(audio)
        starts = np.array(_partial_starts(wave.size)) * HOP
        middle = wave.size // 2
        first, second = starts + PARTIAL_FRAMES * HOP <= middle, starts >= middle
        if not (first.any() and second.any()):
            raise AudioTooShortError("half of the recording is too short to recognise a voice in it")
        partials = self._partials(wave)
        return similarity(mean_voice(partials[first]), mean_voice(partials[second]))

    def _partials(self, wave: Samples) -> NDArray[np.float32]:
        """Embedding of each partial utterance, float32 (partials, 256)."""
        if wave.size < MINIMUM_SECONDS * SAMPLE_RATE:
            raise AudioTooShortError(f"a voice can be recognised from {MINIMUM_SECONDS} s of sound on")
        starts = _partial_starts(wave.size)
        samples = (starts[-1] + PARTIAL_FRAMES) * HOP
        padded = torch.from_numpy(np.pad(wave, (0, max(0, samples - wave.size))))

        def work(device: str, scale: float) -> NDArray[np.float32]:
            size = int(_BATCH * scale)
            batches = [starts[first : first + size] for first in range(0, len(starts), size)]
            with (
                self._runtime.lease(ENCODER, self._load) as network,
                one_thread(),
                torch.inference_mode(),
            ):
                mels = network.spectrogram(padded.to(device))
                embeddings = [
                    network(torch.stack([mels[at : at + PARTIAL_FRAMES] for at in batch])).cpu() for batch in batches
                ]
            partials: NDArray[np.float32] = torch.cat(embeddings).numpy()
            return partials

        return self._runtime.run(work, "speaker embedding")

    def _load(self, device: str) -> GE2E:
        return GE2E.load(self._runtime.model_file("ge2e", "ge2e.safetensors"), device)


def similarity(one: Embedding, other: Embedding) -> float:
    """Cosine of two embeddings of unit norm, -1 to 1 (this encoder's are never below 0)."""
    return float(np.clip(np.dot(one, other), -1.0, 1.0))


def mean_voice(partials: NDArray[np.float32]) -> Embedding:
    """The direction of the mean of embeddings: (partials, dimensions) → (dimensions,), unit norm."""
    mean = partials.mean(axis=0)
    embedding: Embedding = mean / np.linalg.norm(mean)
    return embedding


def sounding(audio: Audio) -> Samples:
    """Mono, 16 kHz, at least -30 dBFS, without its pauses: float32 (samples,).

    Raises:
        InvalidAudioError: there are samples that aren't numbers.
        LowQualityAudioError: nothing but silence.
        AudioTooShortError: not even one window of 30 ms.
    """
    mono = audio.mono()
    if not np.isfinite(mono).all():
        raise InvalidAudioError("the audio has samples that aren't numbers")
    wave = resample_samples(mono, audio.sample_rate, SAMPLE_RATE)
    windows = wave[: wave.size - wave.size % _WINDOW].reshape(-1, _WINDOW)
    if not len(windows):
        raise AudioTooShortError(f"a voice can be recognised from {MINIMUM_SECONDS} s of sound on")
    level = 10 * np.log10(np.mean(windows.astype(np.float64) ** 2, axis=1) + 1e-12)
    heard = level > max(_FLOOR_DBFS, float(np.percentile(level, 95)) - _RANGE_DB)
    if not heard.any():
        raise LowQualityAudioError("there is no sound in which to hear a voice")
    kept = windows[binary_dilation(heard, np.ones(_KEPT_PAUSE_WINDOWS))].reshape(-1)
    gain = 10 ** (_QUIETEST_DBFS / 20) / float(np.sqrt(np.mean(kept.astype(np.float64) ** 2)))
    raised: Samples = kept * np.float32(max(1.0, gain))
    return raised


def _partial_starts(samples: int) -> list[int]:
    """First frames of the partial utterances, of a long recording of every n-th.

    The last is dropped if over a quarter of it were padding.
    """
    frames = int(np.ceil((samples + 1) / HOP))
    step = round(SAMPLE_RATE / (_PARTIALS_PER_SECOND * HOP))
    starts = list(range(0, max(1, frames - PARTIAL_FRAMES + step + 1), step))
    if len(starts) > 1 and (samples / HOP - starts[-1]) / PARTIAL_FRAMES < _MINIMUM_COVERAGE:
        starts.pop()
    return starts[:: 1 + (len(starts) - 1) // MOST_PARTIALS]
