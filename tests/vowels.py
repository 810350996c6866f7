"""Sung vowels of known pitch and formants, for tests of what works on voices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from auto_voice.audio import Audio
from auto_voice.features import PitchContour

FORMANTS = {"a": (700, 1220, 2600), "i": (300, 2300, 3000), "u": (320, 800, 2300), "e": (480, 1900, 2550)}
_BANDWIDTHS = (90, 110, 160)


def sung_vowel(
    vowel: str = "a", hz: float = 200.0, seconds: float = 1.0, rate: int = 16000, tract: float = 1.0
) -> NDArray[np.float32]:
    """Pulses of one pitch through the resonances of a vowel; `tract` moves its formants. Peak 0.5."""
    pulses = np.zeros(round(seconds * rate))
    pulses[np.round(np.arange(0, len(pulses) - 1, rate / hz)).astype(int)] = 1.0
    wave = pulses
    for formant, bandwidth in zip(FORMANTS[vowel], _BANDWIDTHS, strict=True):
        radius, angle = np.exp(-np.pi * bandwidth / rate), 2 * np.pi * formant * tract / rate
        wave = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], wave)
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def steady_contour(hz: float, seconds: float, hop_seconds: float = 0.01) -> PitchContour:
    """The same pitch all along."""
    f0 = np.full(round(seconds / hop_seconds) + 1, hz, np.float32)
    return PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=hop_seconds)


def mono(samples: NDArray[np.float32], rate: int = 16000) -> Audio:
    """One channel."""
    return Audio(samples[None], rate)


def measured_f0(samples: NDArray[np.float32], rate: int = 16000) -> float:
    """The pitch of a steady sound by autocorrelation, Hz; no tracker of ours is asked."""
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle, 2 * len(middle))) ** 2
    correlation = np.fft.irfft(spectrum)
    first, last = rate // 1000, rate // 50
    lags = correlation[first:last]
    peaks = np.flatnonzero((lags[1:-1] > lags[:-2]) & (lags[1:-1] >= lags[2:]) & (lags[1:-1] > 0.85 * lags.max())) + 1
    return rate / (first + int(peaks[0]))
