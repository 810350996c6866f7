"""From a spoken line to a sung one: held vowels on the notes of a random tune."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auto_voice.inference.synthesis import Curve, Prosody

HIGHEST_HZ = 350.0
"""The decoder sings wrong pitches from about 370 Hz on."""

LOWEST_HZ = 85.0
HIGHEST_KEY_HZ = 190.0
"""Tunes reach up to eleven semitones above their tonic."""

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))
_HELD_SHARE = 0.35
_LONGEST_VOWEL = 64
_NOTE_CHANGES = 0.75
_GLIDE = 11  # curve frames: 0.14 s
_VIBRATO_AFTER = 20  # curve frames: a quarter of a second
_UNEVENNESS = 0.12  # semitones


def held_durations(
    durations: NDArray[np.int64], vowels: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.int64]:
    """How long each token lasts when vowels are held: a third of them, and mostly the last of the line."""
    held: NDArray[np.int64] = durations.copy()
    places = np.flatnonzero(vowels)
    for place in places:
        last = place == places[-1]
        if random.random() < (0.7 if last else _HELD_SHARE):
            factor = random.uniform(2.0, 4.0) if last else random.uniform(1.5, 4.0)
            held[place] = min(_LONGEST_VOWEL, round(held[place] * factor))
    return held


def stretched(prosody: Prosody, durations: NDArray[np.int64], wanted: NDArray[np.int64]) -> Prosody:
    """The line with each of its tokens as long as wanted; curves are stretched with their tokens."""
    before = np.concatenate([[0], np.cumsum(durations)])
    after = np.concatenate([[0], np.cumsum(wanted)])
    centres = np.arange(2 * after[-1]) / 2 + 0.25
    places = np.interp(centres, after, before) * 2 - 0.5
    clock = np.arange(len(prosody.f0))
    nearest = prosody.f0[np.clip(np.round(places).astype(int), 0, len(clock) - 1)]
    firsts = np.repeat(before[:-1], wanted)
    energy = np.interp(places, clock, prosody.energy).astype(np.float32)
    return replace(prosody, content=prosody.content[:, firsts], f0=nearest, energy=energy)


def sung(
    prosody: Prosody, durations: NDArray[np.int64], vowels: NDArray[np.bool_], key: float, random: np.random.Generator
) -> Prosody:
    """The line on the notes of a random tune; a note begins with a vowel.

    Args:
        prosody: already stretched; 0 Hz where unvoiced.
        durations: of its tokens.
        vowels: which tokens they are.
        key: the tonic, Hz.
    """
    voiced = prosody.f0 > 0
    semitones, age = _notes(durations, vowels, random)
    time = np.arange(len(prosody.f0)) / 80
    depth = random.uniform(0.0, 0.6) * np.clip((age - _VIBRATO_AFTER) / 20, 0, 1)
    semitones = semitones + depth * np.sin(2 * np.pi * (random.uniform(4.8, 6.5) * time + random.random()))
    semitones += _UNEVENNESS * _smoothed(random.normal(size=len(time)))
    f0 = np.clip(key * 2 ** (semitones / 12), LOWEST_HZ, HIGHEST_HZ)
    energy = _sung_energy(prosody.energy, voiced, age, random)
    return replace(prosody, f0=np.where(voiced, f0, 0).astype(np.float32), energy=energy)


def _notes(
    durations: NDArray[np.int64], vowels: NDArray[np.bool_], random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Semitones above the tonic, and how many curve frames the vowel has lasted, for each curve frame."""
    scale = _SCALES[int(random.integers(len(_SCALES)))]
    steps = np.concatenate([np.array(scale) - 12, scale])
    place = len(scale) + int(random.integers(-1, len(scale)))
    notes, ages = [], []
    for length, vowel in zip(2 * durations, vowels, strict=True):
        if vowel and random.random() < _NOTE_CHANGES:
            place = int(np.clip(place + random.integers(-3, 4), len(scale) - 3, 2 * len(scale) - 1))
        notes.append(np.full(length, float(steps[place])))
        ages.append(np.arange(length) * float(vowel))
    return _smoothed(np.concatenate(notes)), np.concatenate(ages)


def _sung_energy(
    energy: Curve, voiced: NDArray[np.bool_], age: NDArray[np.float64], random: np.random.Generator
) -> Curve:
    """More even than speech, louder or softer as a whole; held vowels may die away."""
    if not voiced.any():
        return energy
    even = 0.6 * energy + 0.4 * np.median(energy[voiced]) + random.uniform(-0.8, 0.5)
    fading = random.uniform(0, 0.02) * np.maximum(age - _VIBRATO_AFTER, 0) * (random.random() < 0.5)
    return np.where(voiced, even - fading, energy).astype(np.float32)


def _smoothed(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.hanning(_GLIDE + 2)[1:-1]
    return np.convolve(np.pad(curve, _GLIDE // 2, mode="edge"), window / window.sum(), "valid")
