"""Mel filterbanks, as the networks that were trained on them expect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above."""
    log_part = _LOG_START_MEL + np.log(np.maximum(hz, _LOG_START_HZ) / _LOG_START_HZ) / _LOG_STEP
    return np.where(hz < _LOG_START_HZ, hz / _LINEAR_HZ_PER_MEL, log_part)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    log_part = _LOG_START_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _LOG_START_MEL) - _LOG_START_MEL))
    return np.where(mel < _LOG_START_MEL, mel * _LINEAR_HZ_PER_MEL, log_part)


def mel_filterbank(
    sample_rate: int, fft_size: int, bands: int, low_hz: float = 0.0, high_hz: float | None = None
) -> NDArray[np.float32]:
    """Triangular filters of equal area on Slaney's mel scale (Auditory Toolbox, 1998).

    Returns:
        float32 (bands, fft_size // 2 + 1), to be multiplied with a power or magnitude spectrum.
    """
    high_hz = sample_rate / 2 if high_hz is None else high_hz
    low, high = hz_to_mel(np.array([low_hz, high_hz], dtype=np.float64))
    edges = mel_to_hz(np.linspace(low, high, bands + 2))
    bins = np.linspace(0, sample_rate / 2, fft_size // 2 + 1)
    return (_triangles(edges, bins) * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def htk_filterbank(sample_rate: int, fft_size: int, bands: int, high_hz: float | None = None) -> NDArray[np.float32]:
    """Triangular filters of equal height on HTK's mel scale, from 0 Hz; shaped as `mel_filterbank`."""
    highest = 2595 * np.log10(1 + (sample_rate / 2 if high_hz is None else high_hz) / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)
    return _triangles(edges, np.linspace(0, sample_rate / 2, fft_size // 2 + 1)).astype(np.float32)


def _triangles(edges: NDArray[np.float64], bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Band i rises from edges[i] to 1 at edges[i + 1] and falls to edges[i + 2]; (bands, bins)."""
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
    return triangles
