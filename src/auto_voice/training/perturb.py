"""The same words by other throats, in other rooms, at other pitches: changes that leave a clip's alignment as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, firwin2, resample

from auto_voice.audio import Audio, Samples
from auto_voice.features import PitchContour
from auto_voice.inference.conversion.pitch_shift import shift_pitch
from auto_voice.training.clips import CURVE_RATE, SAMPLE_RATE

_THROAT_SEMITONES = 4.0
_RAISED_SEMITONES = (3.0, 14.0)
_HIGHEST_HZ = 950.0
_FILTER_TAPS = 513
_FILTER_POINTS = 8
_FILTER_DB = 4.0
_LEVEL = 0.06


def perturbed(samples: Samples, other: Samples, random: np.random.Generator) -> tuple[Samples, float]:
    """Another throat, colour and room, with noise and others' sounds under it.

    Args:
        samples: float32 (n,), 16 kHz.
        other: sound of somebody else, which may be heard faintly.

    Returns:
        The sound, and how many times as long it is: the throat is changed by playing it faster or slower.
    """
    ratio = 2 ** (random.uniform(-_THROAT_SEMITONES, _THROAT_SEMITONES) / 12) if random.random() < 0.75 else 1.0
    length = round(len(samples) * ratio)
    sound = resample(samples, length).astype(np.float32) if length != len(samples) else samples
    return _in_a_room(sound, other, random), length / len(samples)


def raised(samples: Samples, f0: NDArray[np.float32], random: np.random.Generator) -> Samples:
    """The clip sung higher by the same throat, by 3 to 14 semitones, in a room.

    Args:
        samples: float32 (n,), 16 kHz.
        f0: Hz, 80 a second; 0 where unvoiced.
    """
    voiced = f0[f0 > 0]
    most = 12 * np.log2(_HIGHEST_HZ / np.percentile(voiced, 95)) if len(voiced) else _RAISED_SEMITONES[0]
    semitones = random.uniform(_RAISED_SEMITONES[0], np.clip(most, *_RAISED_SEMITONES))
    # Doubled, so that the value at a point in time is that of the frame it lies in, not the next one's.
    curve = np.repeat(f0, 2).astype(np.float32)
    contour = PitchContour(f0=curve, confidence=(curve > 0).astype(np.float32), hop_seconds=1 / (2 * CURVE_RATE))
    higher = shift_pitch(Audio(samples[None], SAMPLE_RATE), contour, float(semitones)).mono()
    return _in_a_room(higher, np.zeros(0, np.float32), random)


def level(samples: Samples) -> Samples:
    """At the level that all training sound has."""
    return np.asarray(samples * (_LEVEL / max(float(np.sqrt(np.mean(np.square(samples)))), 1e-6)), np.float32)


def _in_a_room(sound: Samples, other: Samples, random: np.random.Generator) -> Samples:
    sound = _coloured(sound, random)
    if random.random() < 0.6:
        sound = _with_reverberation(sound, random)
    sound = level(sound)
    if random.random() < 0.4:
        sound = sound + _below(_tones(len(sound), random), (-32, -16), random)
    if random.random() < 0.3 and len(other):
        sound = sound + _below(np.resize(_coloured(other, random), len(sound)), (-34, -18), random)
    if random.random() < 0.6:
        sound = sound + _below(_noise(len(sound), random), (-42, -15), random)
    return level(sound)


def _coloured(sound: Samples, random: np.random.Generator) -> Samples:
    """Through a random equaliser: smooth over frequency, a few dB up and down."""
    hertz = np.concatenate([[0], np.geomspace(60, SAMPLE_RATE / 2, _FILTER_POINTS)])
    gains = 10 ** (random.normal(0, _FILTER_DB * random.uniform(0.3, 1.2), len(hertz)) / 20)
    taps = firwin2(_FILTER_TAPS, hertz, gains, fs=SAMPLE_RATE)
    return np.asarray(fftconvolve(sound, taps, "same"), np.float32)


def _with_reverberation(sound: Samples, random: np.random.Generator) -> Samples:
    """Decaying noise as the room's answer, at −22 to −6 dB of the direct sound."""
    seconds = random.uniform(0.15, 0.9)
    decay = np.exp(-6.9 * np.arange(round(seconds * SAMPLE_RATE)) / (seconds * SAMPLE_RATE))
    tail = random.normal(size=len(decay)) * decay
    tail *= 10 ** (random.uniform(-22, -6) / 20) / np.sqrt(np.sum(np.square(tail)))
    answer = np.concatenate([[1.0], np.zeros(round(random.uniform(0, 0.03) * SAMPLE_RATE)), tail])
    return np.asarray(fftconvolve(sound, answer)[: len(sound)], np.float32)


def _tones(length: int, random: np.random.Generator) -> NDArray[np.float64]:
    """What a separator leaves of a band: chords that change, and strokes of noise."""
    time = np.arange(length) / SAMPLE_RATE
    result = np.zeros(length)
    step = round(random.uniform(0.4, 1.5) * SAMPLE_RATE)
    for first in range(0, length, step):
        part = slice(first, min(first + step, length))
        for hertz in 65 * 2 ** (random.integers(0, 36, size=3) / 12):
            for harmonic in range(1, 7):
                phase = random.uniform(0, 2 * np.pi)
                result[part] += np.sin(2 * np.pi * hertz * harmonic * time[part] + phase) / harmonic
        stroke = random.normal(size=part.stop - part.start)
        result[part] += 4 * stroke * np.exp(-25 * (time[part] - time[first]))
    return result


def _noise(length: int, random: np.random.Generator) -> NDArray[np.float64]:
    """White, or falling by 6 dB an octave."""
    white = random.normal(size=length)
    if random.random() < 0.4:
        return white
    spectrum = np.fft.rfft(white)
    return np.fft.irfft(spectrum / np.sqrt(1 + (np.arange(len(spectrum)) / len(spectrum) * 80) ** 2), length)


def _below(sound: NDArray[Any], decibels: tuple[float, float], random: np.random.Generator) -> Samples:
    """At a random level relative to the clip's own."""
    gain = _LEVEL * 10 ** (random.uniform(*decibels) / 20) / max(float(np.sqrt(np.mean(np.square(sound)))), 1e-9)
    return np.asarray(sound * gain, np.float32)
