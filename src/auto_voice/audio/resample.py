"""Another sample rate: a polyphase filter (scipy.signal.resample_poly) with a Kaiser-window low-pass.

Flat to 0.45 of the lower of the two rates, more than 90 dB down from 0.5 on, where images and aliases begin.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from auto_voice.audio.signal import Audio, Samples

_ATTENUATION_DB = 100.0
_MAX_TERM = 4000
_PASSBAND, _STOPBAND = 0.45, 0.5  # of the lower rate


def resample(audio: Audio, rate: int) -> Audio:
    """The same sound at `rate` Hz, round(frames * rate / sample_rate) frames; `audio` if that is its rate."""
    if rate == audio.sample_rate:
        return audio
    return Audio(resample_samples(audio.samples, audio.sample_rate, rate), rate)


def resample_samples(x: NDArray[Any], from_rate: int, to_rate: int) -> Samples:
    """Resample along the last axis: (..., n) to float32 (..., round(n * to_rate / from_rate)).

    Aligned to the sample: what happens at t seconds stays at t seconds. One row at a time, so that the memory
    needed beside input and output is that of one row.

    Raises:
        ValueError: a rate is not positive.
    """
    if from_rate <= 0 or to_rate <= 0:
        raise ValueError(f"sample rates must be positive, got {from_rate} and {to_rate}")
    x = np.asarray(x, dtype=np.float32)
    frames = (2 * x.shape[-1] * to_rate + from_rate) // (2 * from_rate)
    result = np.empty((*x.shape[:-1], frames), np.float32)
    if not frames or not x.size:
        return result
    if from_rate == to_rate:
        result[...] = x
        return result
    up, down = _ratio(from_rate, to_rate)
    taps = _low_pass(up, down)
    for row, target in zip(x.reshape(-1, x.shape[-1]), result.reshape(-1, frames), strict=True):
        converted = resample_poly(row, up, down, window=taps)[:frames]
        target[: len(converted)] = converted
        target[len(converted) :] = 0.0
    return result


def _ratio(from_rate: int, to_rate: int) -> tuple[int, int]:
    """`to_rate / from_rate` as (up, down), exactly for all usual rates.

    The filter's length grows with the terms, so that a file of a strange rate could ask for gigabytes. The ratio
    of two such rates is taken as the nearest one of small terms: off by at most 0.013 %, a fifth of a cent, and
    there and back again is exact.
    """
    slower, faster = sorted((from_rate, to_rate))
    nearest = Fraction(slower, faster).limit_denominator(_MAX_TERM)
    small, large = nearest.numerator, nearest.denominator
    return (small, large) if to_rate == slower else (large, small)


@functools.lru_cache(maxsize=32)
def _low_pass(up: int, down: int) -> Samples:
    """Taps at `up` times the input rate, of unit gain; length by Kaiser's formula."""
    slowest = max(up, down)
    width = 2 * np.pi * (_STOPBAND - _PASSBAND)
    half = math.ceil((_ATTENUATION_DB - 7.95) / (2.285 * width) / 2) * slowest
    cutoff = _PASSBAND + _STOPBAND  # middle of the transition, of the lower rate's Nyquist frequency
    time = np.arange(-half, half + 1) / slowest
    taps = np.sinc(cutoff * time) * np.kaiser(2 * half + 1, 0.1102 * (_ATTENUATION_DB - 8.7))
    result: Samples = (taps / taps.sum()).astype(np.float32)
    return result
