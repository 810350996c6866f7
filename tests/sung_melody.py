"""Vowels sung to any melody, with a fundamental frequency known at every sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

from auto_voice.features import PitchContour

_FORMANTS_HZ = (700, 1220, 2600, 3300)
_BANDWIDTHS_HZ = (90, 110, 160, 200)
_HARMONICS = 40


def melody_hz(notes: ArrayLike, seconds_each: float, rate: int) -> NDArray[np.float64]:
    """Notes (MIDI numbers), one after the other with 60 ms of glide between them and vibrato in their later part."""
    each = round(seconds_each * rate)
    steps = np.repeat(np.asarray(notes, dtype=float), each)
    half = round(0.03 * rate)
    glide = np.hanning(2 * half + 1)
    smooth = np.convolve(np.pad(steps, half, mode="edge"), glide / glide.sum(), mode="valid")
    clock = np.arange(steps.size) / rate
    depth = 0.5 * np.clip((clock % seconds_each - 0.2) / 0.3, 0, 1)
    return 440 * 2 ** ((smooth + depth * np.sin(2 * np.pi * 5.5 * clock) - 69) / 12)


def sing(f0: NDArray[np.float64], rate: int, noise: float = 0.003) -> NDArray[np.float32]:
    """An "ah" of peak 0.5 on the fundamental frequency f0 (Hz, one value a sample), and white noise."""
    phase = 2 * np.pi * np.cumsum(f0) / rate
    wave = np.zeros(len(f0))
    for harmonic in range(1, _HARMONICS + 1):
        wave += (f0 * harmonic < 0.45 * rate) * np.sin(harmonic * phase) / harmonic**1.1
    for formant, bandwidth in zip(_FORMANTS_HZ, _BANDWIDTHS_HZ, strict=True):
        if formant < 0.45 * rate:
            radius = np.exp(-np.pi * bandwidth / rate)
            poles = [1, -2 * radius * np.cos(2 * np.pi * formant / rate), radius**2]
            wave = lfilter([1 - radius], poles, wave)
    wave *= 0.5 / np.abs(wave).max()
    return (wave + noise * np.random.default_rng(0).standard_normal(len(f0))).astype(np.float32)


def cents_off(contour: PitchContour, f0: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Distance of the contour's voiced frames from the truth, cents; the first and last 0.1 s are left out."""
    seconds = np.arange(len(contour.f0)) * contour.hop_seconds
    inside = contour.voiced & (seconds > 0.1) & (seconds < len(f0) / rate - 0.1)
    truth = np.interp(seconds[inside], np.arange(len(f0)) / rate, f0)
    return np.abs(1200 * np.log2(contour.f0[inside] / truth))
