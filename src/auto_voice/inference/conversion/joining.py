"""Two conversions of one recording made one: the neural voice where it can be trusted, else the filtered source."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d, uniform_filter1d

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.features import PitchContour
from auto_voice.inference.conversion.pitch_following import resampled, semitones_apart

_RIGHT_SEMITONES = 1.0
_SHORTEST_FRAMES = 5
_MISSED_FRAMES, _UNEVEN_FRAMES = 9, 25
"""So long a note must be missed, or the loudness be wrong, before that is worth two seams."""
_FADE_FRAMES = 3.0
_SWALLOWED_DB = 18.0
_RAISED_DB = 12.0
_PLACE_SECONDS = 0.5
_FARTHEST_PLACE = 8.0
_SILENCE = 1e-5


def trust(sung: Audio, measured: PitchContour, wanted: PitchContour, source: Audio) -> NDArray[np.float32]:
    """How far what was sung can be used, 0–1, one for each frame of `measured`.

    Not where a note is missing or off by more than a semitone for more than some 90 ms, or where the sound is far
    quieter than in the source, or far louder, for a quarter of a second: a seam is heard more than a short slip.

    Args:
        sung, source: one channel each, the same length in seconds.
    """
    frames = len(measured.f0)
    difference = semitones_apart(measured, wanted)
    note = resampled(wanted, measured) > 0
    in_tune = ~note | (np.abs(difference) <= _RIGHT_SEMITONES)
    given, asked = (_levels(each, frames, measured.hop_seconds) for each in (sung, source))
    even = (given > asked * 10 ** (-_SWALLOWED_DB / 20)) & (given < asked * 10 ** (_RAISED_DB / 20))
    right = _bridged(in_tune, _MISSED_FRAMES) & _bridged(even, _UNEVEN_FRAMES)
    long_enough = maximum_filter1d(minimum_filter1d(right, _SHORTEST_FRAMES), _SHORTEST_FRAMES)
    kept = minimum_filter1d(_bridged(long_enough, _SHORTEST_FRAMES), 3).astype(np.float32)  # fades lie inside
    return np.asarray(gaussian_filter1d(kept, _FADE_FRAMES), np.float32)


def join(neural: Audio, filtered: Audio, weights: NDArray[np.float32], hop_seconds: float) -> Audio:
    """Cross-fade; what the neural voice has not, its room to the sides and the band above its own, stays throughout.

    Args:
        neural: one channel, its own rate.
        filtered: the source's rate, channels and length.
        weights: share of `neural`, one every `hop_seconds`.
    """
    rate, frames = filtered.sample_rate, filtered.frames
    middle = filtered.samples.mean(axis=0)
    voice = _fitted(resample_samples(neural.samples[0], neural.sample_rate, rate), frames)
    below = _fitted(_low_band(middle, rate, neural.sample_rate), frames)
    places = np.arange(frames) / rate / hop_seconds
    share = np.interp(places, np.arange(len(weights)), weights).astype(np.float32)
    change = share * (voice - below)
    result = filtered.samples.copy()
    for channel, samples in enumerate(filtered.samples):
        result[channel] += _place(samples, middle, rate) * change
    return Audio(result, rate)


def _bridged(right: NDArray[Any], frames: int) -> NDArray[np.int8]:
    """The same, with gaps of fewer frames filled."""
    return np.asarray(minimum_filter1d(maximum_filter1d(right.astype(np.int8), frames), frames))


def _place(samples: Samples, middle: Samples, rate: int) -> Samples:
    """How much of the middle there is in a channel around each moment, 1 for a voice in the centre; (frames,)."""
    if np.array_equal(samples, middle):
        return np.ones_like(middle)
    width = max(1, round(_PLACE_SECONDS * rate))
    shared = uniform_filter1d(samples * middle, width, mode="nearest")
    power = uniform_filter1d(np.square(middle), width, mode="nearest")
    place = shared / np.maximum(power, _SILENCE**2)
    clipped: Samples = np.clip(place, -_FARTHEST_PLACE, _FARTHEST_PLACE).astype(np.float32)
    return clipped


def _low_band(samples: Samples, rate: int, neural_rate: int) -> Samples:
    """What of the samples the neural voice's rate can hold."""
    if rate <= neural_rate:
        return samples
    return resample_samples(resample_samples(samples, rate, neural_rate), neural_rate, rate)


def _fitted(samples: Samples, frames: int) -> Samples:
    return np.pad(samples[:frames], (0, max(0, frames - len(samples))))


def _levels(audio: Audio, frames: int, hop_seconds: float) -> NDArray[np.float32]:
    """RMS around each frame, over 40 ms."""
    power = uniform_filter1d(np.square(audio.samples[0]), max(1, round(0.04 * audio.sample_rate)))
    places = np.round(np.arange(frames) * hop_seconds * audio.sample_rate).astype(np.int64)
    return np.asarray(np.sqrt(np.maximum(power[np.minimum(places, len(power) - 1)], _SILENCE**2)), np.float32)
