"""What the neural decoder is given of a recording: what is sung, how high and how loud, on the decoder's clocks.

Fitting a voice and converting both come through here, so that the decoder meets in use what it met when it was fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.features import ContentFeatures, PitchContour
from auto_voice.inference.conversion.content_input import active_frames, mapper_input
from auto_voice.inference.conversion.wording import Line, worded_content
from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.models.networks.mel import htk_filterbank
from auto_voice.models.networks.style_decoder import CURVE_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME

_FFT, _WINDOW, _HOP = 2048, 1200, SAMPLE_RATE // CURVE_RATE
_BANDS = 80
_FLOOR = 1e-5

_SLOPE, _OFFSET = 0.986, -0.29
"""Energy as the decoder knows it, of the log loudness of what it then makes: fitted to its own speech (r = .99)."""

_LOUD_PERCENTILE = 95
_LOUD_ENERGY = 7.7
"""Energy of the loud parts of a recording, whatever its level: where the decoder's own speech has them."""
_ENERGY_RANGE = (-9.7, 9.0)

_BRIDGED_SECONDS = 0.5
_MARGIN_SECONDS = 0.15
_SHORTEST_SECONDS = 0.25
_LONGEST_SECONDS = 12.0
_SILENCE_ENERGY = -1.5
"""About 40 dB below the loud parts."""


@dataclass(frozen=True, kw_only=True)
class DecoderInput:
    """A recording as the decoder is told it.

    Attributes:
        content: float32 (512, frames), 40 a second.
        f0: float32 (2 × frames,), Hz; 0 where unvoiced.
        energy: float32 (2 × frames,), log loudness, the loud parts at one level.
        gain: what the recording was multiplied by to bring it to that level.
    """

    content: NDArray[np.float32]
    f0: NDArray[np.float32]
    energy: NDArray[np.float32]
    gain: float

    @property
    def frames(self) -> int:
        """Frames of content; each is 25 ms."""
        return int(self.content.shape[1])

    def tensors(self, first: int, end: int, device: str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
        """Content, F0 and energy of frames `first` to `end`, a batch of one."""
        parts = (self.content[:, first:end], self.f0[2 * first : 2 * end], self.energy[2 * first : 2 * end])
        content, f0, energy = (torch.from_numpy(np.ascontiguousarray(part))[None].to(device) for part in parts)
        return content, f0, energy


def decoder_samples(recording: Audio) -> Samples:
    """The recording as the decoder would make it: mono at its rate, whole frames; (frames × 600,)."""
    samples = resample_samples(recording.mono(), recording.sample_rate, SAMPLE_RATE)
    return np.ascontiguousarray(samples[: len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME])


def decoder_input(
    recording: Audio,
    samples: Samples,
    contour: PitchContour,
    content: ContentFeatures,
    mapper: ContentMapper,
    lines: Sequence[Line] = (),
) -> DecoderInput:
    """Take a recording apart.

    Args:
        recording: any rate and channels.
        samples: the same by `decoder_samples`.
        contour, content: of it; the contour may be transposed.
        mapper: on the CPU.
        lines: what is said, as far as it is known.
    """
    features = content_frames(recording, content, len(samples) // SAMPLES_PER_FRAME)
    f0, energy, gain = curves(samples, contour)
    return DecoderInput(content=worded_content(features, mapper, lines), f0=f0, energy=energy, gain=gain)


def content_frames(recording: Audio, content: ContentFeatures, frames: int) -> NDArray[np.float32]:
    """What the mapper is shown of a recording, on the decoder's frames: (frames, features)."""
    features = mapper_input(content, active_frames(recording, content))[:frames]
    return np.pad(features, ((0, frames - len(features)), (0, 0)), mode="edge")


def curves(samples: Samples, contour: PitchContour) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """F0 and energy of `decoder_samples`, 2 a frame, and the gain that was applied; see DecoderInput."""
    energy, gain = _energy(samples)
    return _curve(contour, len(samples) // SAMPLES_PER_FRAME * 2), energy, gain


def phrases(energy: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Where somebody is heard: (first, end) in frames of 25 ms, of at most 12 s, pauses of half a second bridged.

    The decoder normalises over all it is given at once: silence in it, or a whole song, would change the voice.
    """
    heard = energy > _SILENCE_ENERGY
    edges = np.flatnonzero(np.diff(heard.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    bridged: list[list[int]] = []
    for first, end in edges:
        if bridged and first - bridged[-1][1] < _BRIDGED_SECONDS * CURVE_RATE:
            bridged[-1][1] = int(end)
        else:
            bridged.append([int(first), int(end)])
    margin, total = int(_MARGIN_SECONDS * CURVE_RATE), len(energy) // 2
    found: list[tuple[int, int]] = []
    for first, end in bridged:
        if end - first < _SHORTEST_SECONDS * CURVE_RATE:
            continue
        found += _split(energy, max(0, first - margin) // 2, min(total, (end + margin + 1) // 2))
    return found


def _split(energy: NDArray[np.float32], first: int, end: int) -> list[tuple[int, int]]:
    """Cut what is too long at its quietest moment, again and again."""
    longest = int(_LONGEST_SECONDS * CURVE_RATE / 2)
    if end - first <= longest:
        return [(first, end)]
    third = min(longest, end - first) // 3
    quiet = gaussian_filter1d(energy[2 * (first + third) : 2 * min(end - third, first + longest)], 6)
    cut = first + third + int(np.argmin(quiet)) // 2
    return [(first, cut), *_split(energy, cut, end)]


def _energy(samples: Samples) -> tuple[NDArray[np.float32], float]:
    """The energy curve, 2 a frame, and the gain that was applied; all silent is as quiet as can be."""
    power = _mel_power(samples)
    loudness = _SLOPE * _log_loudness(power) + _OFFSET
    loud = float(np.percentile(loudness, _LOUD_PERCENTILE)) if len(loudness) else 0.0
    gain = float(np.exp(0.5 * (_LOUD_ENERGY - loud) / _SLOPE))
    return np.clip(_SLOPE * _log_loudness(power * gain**2) + _OFFSET, *_ENERGY_RANGE), gain


def _log_loudness(power: Tensor) -> NDArray[np.float32]:
    """Log norm of a mel power spectrum, as StyleTTS 2 measures loudness."""
    loudness: NDArray[np.float32] = torch.log((power + _FLOOR).norm(dim=0)).numpy()
    return loudness


def _mel_power(samples: Samples) -> Tensor:
    """(bands, frames), 80 frames a second."""
    count = len(samples) // _HOP
    padded = np.pad(samples, _FFT // 2)
    result = torch.empty(_BANDS, count)
    step = 20 * CURVE_RATE
    for first in range(0, count, step):
        end = min(count, first + step)
        piece = torch.from_numpy(padded[first * _HOP : (end - 1) * _HOP + _FFT])
        spectrum = torch.stft(piece, _FFT, _HOP, _WINDOW, _window(), center=False, return_complex=True)
        result[:, first:end] = _filters() @ spectrum.abs().square()
    return result


@cache
def _filters() -> Tensor:
    return torch.from_numpy(htk_filterbank(SAMPLE_RATE, _FFT, _BANDS))


@cache
def _window() -> Tensor:
    return torch.hann_window(_WINDOW)


def _curve(contour: PitchContour, count: int) -> NDArray[np.float32]:
    """F0 at the decoder's rate, glides kept continuous through voiced parts."""
    voiced = contour.voiced
    if not voiced.any():
        return np.zeros(count, np.float32)
    places = (np.arange(count) + 0.5) / CURVE_RATE / contour.hop_seconds
    clock = np.arange(len(contour.f0))
    log_f0 = np.interp(places, clock[voiced], np.log(contour.f0[voiced]))
    here = np.interp(places, clock, voiced.astype(np.float32)) > 0.5
    return np.where(here, np.exp(log_f0), 0.0).astype(np.float32)
