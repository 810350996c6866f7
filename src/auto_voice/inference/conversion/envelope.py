"""The spectral envelope: how a voice colours each moment, without its pitch.

It is kept as a short cepstrum, in which means, spreads and blends of envelopes are sums of a few dozen numbers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from auto_voice.audio import Samples

SAMPLE_RATE = 16000
"""Envelopes are taken up to 8 kHz: what tells voices apart lies below, and many recordings end there."""
HOP = 160
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
ORDER = 60

FFT = 1024
_BINS = FFT // 2 + 1
_BIN_HZ = SAMPLE_RATE / FFT
_UNVOICED_HZ = 250.0
_LOWEST_HZ = 60.0
_BATCH = 500
_FLOOR = 1e-12

Cepstra = NDArray[np.float32]
"""float32 (frames, ORDER): orthonormal DCT-II of a log power spectrum of 513 bins up to 8 kHz."""


class EnvelopeTrack(NamedTuple):
    """Envelopes of a recording, one every 10 ms.

    Attributes:
        shapes: Cepstra of the log power envelope, with the level taken out (mean power 1).
        levels: float32 (frames,), natural log of the mean power that was taken out.
    """

    shapes: Cepstra
    levels: NDArray[np.float32]


@lru_cache(maxsize=8)
def cosine_basis(size: int = _BINS) -> NDArray[np.float32]:
    """float32 (ORDER, size): cepstrum @ basis is the log power spectrum at `size` bins from 0 to 8 kHz."""
    return cosines_at(np.linspace(0, SAMPLE_RATE / 2, size))


def cosines_at(hz: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """float32 (ORDER, len(hz)): the basis of the cepstrum at any frequencies from 0 to 8 kHz."""
    position = hz / _BIN_HZ + 0.5
    order = np.arange(ORDER)[:, None]
    scale = np.sqrt(np.where(order == 0, 1.0, 2.0) / _BINS)
    basis: NDArray[np.float32] = (scale * np.cos(np.pi * order * position[None] / _BINS)).astype(np.float32)
    return basis


def normalise_level(shapes: Cepstra) -> tuple[Cepstra, NDArray[np.float32]]:
    """Take the mean power out of cepstra: (shapes of mean power 1, log of the power taken out)."""
    power = np.exp(shapes @ cosine_basis()).mean(axis=1)
    levels = np.log(power + _FLOOR).astype(np.float32)
    levelled = shapes.copy()
    # The basis of order 0 is flat, so a level is a number in that one place.
    levelled[:, 0] -= levels / cosine_basis()[0, 0]
    return levelled, levels


def interpolate_frames(cepstra: Cepstra, position: NDArray[np.float64]) -> Cepstra:
    """Linear interpolation at fractional frame positions, held at the ends."""
    position = np.clip(position, 0, len(cepstra) - 1)
    below = position.astype(np.int64)
    above = np.minimum(below + 1, len(cepstra) - 1)
    part = (position - below)[:, None].astype(np.float32)
    return np.asarray(cepstra[below] * (1 - part) + cepstra[above] * part, np.float32)


def track_envelopes(samples: Samples, f0: NDArray[np.float32]) -> EnvelopeTrack:
    """Envelope of every frame, by the method of CheapTrick (Morise 2015), many frames at once.

    Args:
        samples: float32 (n,), 16 kHz.
        f0: float32 (frames,), Hz at i × 10 ms, 0 where unvoiced.
    """
    padded = np.pad(samples, (FFT, FFT + HOP * max(0, len(f0) - len(samples) // HOP)))
    basis = torch.from_numpy(cosine_basis()).T.contiguous()
    offsets = np.arange(-FFT // 2, FFT // 2)
    cepstra = []
    for start in range(0, len(f0), _BATCH):
        batch = f0[start : start + _BATCH]
        hz = torch.from_numpy(np.where(batch > 0, np.maximum(batch, _LOWEST_HZ), _UNVOICED_HZ))[:, None]
        centres = (start + np.arange(len(batch))) * HOP + FFT
        frames = torch.from_numpy(padded[centres[:, None] + offsets])
        cepstra.append(_cheaptrick(frames, hz.float()) @ basis)
    shapes = torch.cat(cepstra).numpy() if cepstra else np.zeros((0, ORDER), np.float32)
    return EnvelopeTrack(*normalise_level(shapes))


def _cheaptrick(frames: Tensor, hz: Tensor) -> Tensor:
    """(batch, 1024) samples and their F0 (batch, 1) → log power envelope (batch, 513)."""
    power = _pitch_synchronous_power(frames, hz)
    smoothed = _box_average(power, hz / 3 / _BIN_HZ)
    return _lifter(smoothed.log(), hz)


def _pitch_synchronous_power(frames: Tensor, hz: Tensor) -> Tensor:
    """Power spectra under Hann windows of three periods, whose sum hardly depends on where in a period they lie."""
    position = torch.arange(-FFT // 2, FFT // 2) / SAMPLE_RATE * hz / 1.5
    window = torch.where(position.abs() < 1, 0.5 + 0.5 * torch.cos(torch.pi * position), 0.0)
    windowed = frames * window
    windowed = windowed - window * (windowed.sum(1, keepdim=True) / window.sum(1, keepdim=True))
    power = torch.fft.rfft(windowed).abs().square() / window.square().sum(1, keepdim=True) + _FLOOR
    bins = torch.arange(_BINS) * _BIN_HZ
    mirrored = ((hz - bins) / _BIN_HZ).clamp(0, _BINS - 1).long()
    # Below F0 there is no harmonic: its mirror image stands in.
    return torch.where(bins < hz, power + power.gather(1, mirrored), power)


def _box_average(power: Tensor, half_width: Tensor) -> Tensor:
    """Mean over ± half_width bins (a different width for each row), so that gaps between harmonics close."""
    margin = int(half_width.max().ceil()) + 2
    extended = torch.cat([power[:, 1 : margin + 1].flip(1), power, power[:, -margin - 1 : -1].flip(1)], dim=1).double()
    total = functional.pad(extended.cumsum(1), (1, 0))
    centre = torch.arange(_BINS) + margin + 0.5

    def up_to(position: Tensor) -> Tensor:
        below = position.floor().long()
        part = position - below
        return total.gather(1, below) * (1 - part) + total.gather(1, below + 1) * part

    summed = up_to(centre + half_width) - up_to(centre - half_width)
    return (summed / (2 * half_width)).float().clamp(min=_FLOOR)


def _lifter(log_power: Tensor, hz: Tensor) -> Tensor:
    """Smooth what is left of the harmonics, and sharpen back what the averaging blurred (CheapTrick's lifters)."""
    cepstrum = torch.fft.irfft(log_power, FFT)[:, :_BINS]
    cycles = torch.arange(_BINS) / SAMPLE_RATE * hz
    lifted = cepstrum * torch.sinc(cycles) * (1.3 - 0.3 * torch.cos(2 * torch.pi * cycles))
    symmetric = torch.cat([lifted, lifted[:, 1:-1].flip(1)], dim=1)
    return torch.real(torch.fft.rfft(symmetric))
