"""From what a network says frame by frame to a melody: which frames have voice, and in which octave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auto_voice.inference.features import PitchContour
from auto_voice.inference.pitch.framing import MAX_HZ, MIN_HZ, Floats

SILENCE_DBFS = -60.0
"""Below this a frame has no voice, whatever the network says."""

_GAP_SECONDS = 0.025
_GAP_OCTAVES = 0.25
_SPECK_SECONDS = 0.02

# Octave repair. Leaps up to a fifth are free; from there to ten semitones their price rises to one. Keeping a frame in
# another octave than the network's costs so much a second (at full confidence) that a slip of up to 60 ms between two
# leaps is mended, and notes longer than that are left where they were sung.
_FREE_LEAP, _FULL_LEAP = 7 / 12, 10 / 12
_SHIFT_COST_PER_SECOND = 2 / 0.06
_SHIFTS = np.array([0.0, -1.0, 1.0])
_PHRASE_GAP_SECONDS = 0.1


def melody(pitch: Floats, confidence: Floats, levels: Floats, hop_seconds: float, threshold: float) -> PitchContour:
    """Decide voicing and mend octave errors.

    Args:
        pitch: Hz, (frames,).
        confidence: 0–1, (frames,).
        levels: dBFS, (frames,).
        hop_seconds: seconds between frames.
        threshold: confidence from which a frame is voiced.

    Returns:
        The contour; its confidence is 0 in silence.
    """
    audible = levels >= SILENCE_DBFS
    confidence = np.where(audible, np.clip(confidence, 0.0, 1.0), 0.0).astype(np.float32)
    voiced = audible & (confidence >= threshold) & (pitch >= MIN_HZ) & (pitch <= MAX_HZ)
    octaves = np.log2(np.where(voiced, pitch, 1.0)).astype(np.float64)
    octaves = _mend_octaves(octaves, confidence, voiced, hop_seconds)
    octaves, voiced = _fill_gaps(octaves, voiced, audible, round(_GAP_SECONDS / hop_seconds))
    voiced = _drop_specks(voiced, round(_SPECK_SECONDS / hop_seconds))
    f0 = np.where(voiced, np.exp2(octaves), 0.0).astype(np.float32)
    return PitchContour(f0=f0, confidence=confidence, hop_seconds=hop_seconds)


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of every unbroken stretch of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return [(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _mend_octaves(
    octaves: NDArray[np.float64], confidence: Floats, voiced: NDArray[np.bool_], hop_seconds: float
) -> NDArray[np.float64]:
    """Choose each frame's octave by dynamic programming, so that leaps and departures from the network cost least."""
    mended = octaves.copy()
    frames = np.flatnonzero(voiced)
    phrases = np.split(frames, np.flatnonzero(np.diff(frames) * hop_seconds > _PHRASE_GAP_SECONDS) + 1)
    lowest, highest = np.log2(MIN_HZ), np.log2(MAX_HZ)
    for phrase in phrases:
        if phrase.size < 2 or np.abs(np.diff(octaves[phrase])).max() <= _FREE_LEAP:
            continue
        candidates = octaves[phrase, None] + _SHIFTS
        cost = (_SHIFTS != 0) * (confidence[phrase, None] * hop_seconds * _SHIFT_COST_PER_SECOND)
        cost = np.where((candidates < lowest) | (candidates > highest), np.inf, cost)
        leaps = np.abs(candidates[1:, None, :] - candidates[:-1, :, None])
        price = np.clip((leaps - _FREE_LEAP) / (_FULL_LEAP - _FREE_LEAP), 0.0, 1.0)
        mended[phrase] = candidates[np.arange(phrase.size), _cheapest_path(cost, price)]
    return mended


def _cheapest_path(cost: NDArray[np.float64], price: NDArray[np.float64]) -> NDArray[np.intp]:
    """Viterbi's algorithm: cost (n, states), price of going from state to state (n - 1, states, states)."""
    total, origin = cost[0], np.empty(cost.shape, np.intp)
    for step in range(1, len(cost)):
        ways = total[:, None] + price[step - 1]
        origin[step] = ways.argmin(axis=0)
        total = ways.min(axis=0) + cost[step]
    path = np.empty(len(cost), np.intp)
    path[-1] = total.argmin()
    for step in range(len(cost) - 1, 0, -1):
        path[step - 1] = origin[step, path[step]]
    return path


def _fill_gaps(
    octaves: NDArray[np.float64], voiced: NDArray[np.bool_], audible: NDArray[np.bool_], longest: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bridge dropouts inside a note: short, audible, and with nearly the same pitch on both sides."""
    octaves, voiced = octaves.copy(), voiced.copy()
    for begin, end in runs(~voiced):
        if begin == 0 or end == voiced.size or end - begin > longest or not audible[begin:end].all():
            continue
        if abs(octaves[end] - octaves[begin - 1]) <= _GAP_OCTAVES:
            octaves[begin:end] = np.linspace(octaves[begin - 1], octaves[end], end - begin + 2)[1:-1]
            voiced[begin:end] = True
    return octaves, voiced


def _drop_specks(voiced: NDArray[np.bool_], longest: int) -> NDArray[np.bool_]:
    """Unvoice stretches too short to be sung."""
    voiced = voiced.copy()
    for begin, end in runs(voiced):
        if end - begin <= longest:
            voiced[begin:end] = False
    return voiced
