"""A small band for the demonstration's song: drums, bass and chords, synthesized with NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from auto_voice.audio import Audio

Sound = NDArray[np.float64]

SAMPLE_RATE = 44100
_ROOTS = {"C": 48, "D": 50, "E": 52, "F": 53, "G": 43, "A": 45, "B": 47}  # MIDI: bass from G2 to F3
_BEATS_PER_BAR = 4


def play(chords: Sequence[str], beats_per_minute: float) -> Audio:
    """The accompaniment, one chord a bar, stereo at 44.1 kHz, peak at -3 dB.

    Args:
        chords: "D" for D major, "Bm" for B minor.
        beats_per_minute: tempo, 4/4.
    """
    beat = 60.0 / beats_per_minute
    bar = _BEATS_PER_BAR * beat
    length = round((len(chords) * bar + 2.0) * SAMPLE_RATE)
    left, right = np.zeros(length), np.zeros(length)
    noise = np.random.default_rng(96)
    kick, snare, hat = _kick(), _snare(noise), _hat(noise)

    def put(sound: Sound, seconds: float, gain: float, place: float = 0.0) -> None:
        """Add a sound; place -1 is left, 1 right (constant power)."""
        begin = round(seconds * SAMPLE_RATE)
        sound = sound[: length - begin] * gain
        angle = (place + 1) * np.pi / 4
        left[begin : begin + len(sound)] += sound * np.cos(angle)
        right[begin : begin + len(sound)] += sound * np.sin(angle)

    for number, chord in enumerate(chords):
        start = number * bar
        last = number == len(chords) - 1
        root, third = _ROOTS[chord[0]], 3 if chord.endswith("m") else 4
        voicing = [root + 12, root + 12 + third, root + 19]
        for pitch, place in zip(voicing, (-0.5, 0.0, 0.5), strict=True):
            put(_keys(pitch, bar if last else 2 * beat), start, 0.16, place)
            if not last:
                put(_keys(pitch, 2 * beat), start + 2 * beat, 0.13, place)
        put(_bass(root, bar if last else 1.4 * beat), start, 0.34)
        put(kick, start, 0.7)
        if last:
            continue
        put(_bass(root, 0.5 * beat), start + 1.5 * beat, 0.26)
        put(_bass(root + 7, 1.9 * beat), start + 2 * beat, 0.3)
        put(kick, start + 2 * beat, 0.6)
        for offbeat in (1, 3):
            put(snare, start + offbeat * beat, 0.3, 0.1)
        for eighth in range(8):
            put(hat, start + eighth * beat / 2, 0.12 if eighth % 2 else 0.18, 0.35)
    mix = np.stack([left, right])
    return Audio((mix * (10 ** (-3 / 20) / np.abs(mix).max())).astype(np.float32), SAMPLE_RATE)


def hertz(midi: float) -> float:
    """Equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2 ** ((midi - 69) / 12))


def _time(seconds: float) -> Sound:
    return np.asarray(np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE, dtype=np.float64)


def _decay(time: Sound, seconds: float, release: float = 0.02) -> Sound:
    """Exponential decay after a 3 ms attack, closed without a click."""
    attack = np.minimum(1.0, time / 0.003)
    envelope: Sound = attack * np.exp(-time / seconds) * np.clip((time[-1] - time) / release, 0, 1)
    return envelope


def _partials(frequency: float, time: Sound, strength: Callable[[int], float], count: int) -> Sound:
    waves = [strength(k) * np.sin(2 * np.pi * k * frequency * time) for k in range(1, count + 1)]
    total: Sound = np.sum(waves, axis=0)
    return total


def _keys(midi: int, seconds: float) -> Sound:
    """An electric piano: a sine modulated in phase by its own octave, brighter when struck."""
    time = _time(seconds * 1.1)
    frequency = hertz(midi)
    bell = 1.6 * np.exp(-time / 0.35) * np.sin(2 * np.pi * 2 * frequency * time)
    tremolo = 1 + 0.12 * np.sin(2 * np.pi * 4.5 * time)
    return np.sin(2 * np.pi * frequency * time + bell) * tremolo * _decay(time, 0.9, 0.08)


def _bass(midi: int, seconds: float) -> Sound:
    """A plucked bass an octave down: odd and even partials falling with their square."""
    time = _time(seconds)
    return _partials(hertz(midi - 12), time, lambda k: 1 / k**2, 6) * _decay(time, 0.7)


def _kick() -> Sound:
    time = _time(0.3)
    phase = 2 * np.pi * (48 * time + 130 * 0.03 * (1 - np.exp(-time / 0.03)))
    return np.sin(phase) * _decay(time, 0.11)


def _snare(noise: np.random.Generator) -> Sound:
    time = _time(0.25)
    wires = _highpass(noise.standard_normal(len(time)), 1500) * _decay(time, 0.07)
    return wires * 0.6 + np.sin(2 * np.pi * 190 * time) * _decay(time, 0.05)


def _hat(noise: np.random.Generator) -> Sound:
    time = _time(0.09)
    return _highpass(noise.standard_normal(len(time)), 7000) * _decay(time, 0.025)


def _highpass(sound: Sound, frequency: float) -> Sound:
    filtered: Sound = sosfilt(butter(2, frequency, "highpass", fs=SAMPLE_RATE, output="sos"), sound)
    return filtered
