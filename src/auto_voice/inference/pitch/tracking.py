"""From what a network says frame by frame to a melody: which frames have voice, and in which octave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from auto_voice.features import PitchContour
from auto_voice.inference.pitch.framing import MAX_HZ, MIN_HZ, Floats

SILENCE_DBFS = -60.0
"""Below this a frame has no voice, whatever the network says; in quiet recordings it lies lower."""
_SILENCE_BELOW_LOUDEST_DB = 25.0
_LOWEST_SILENCE_DBFS = -85.0

_GAP_SECONDS = 0.025
_GAP_OCTAVES = 0.25
_SPECK_SECONDS = 0.02

# Octave repair. Leaps up to a fifth are free; from there to ten semitones their price rises to one. Leaving the
# network's pitch costs so much a second (at full confidence) that a slip of up to 0.1 s between two leaps is mended,
# and notes longer than that are left where they were sung.
_FREE_LEAP, _FULL_LEAP = 7 / 12, 10 / 12
_DEPARTURE_COST_PER_SECOND = 2 / 0.1
_PHRASE_GAP_SECONDS = 0.1
_MEDIAN_SECONDS = 0.25


@dataclass(frozen=True)
class Voicing:
    """Confidence at which voice begins, and the lower one under which it ends: notes die away slowly."""

    onset: float
    release: float


def melody(pitch: Floats, confidence: Floats, levels: Floats, hop_seconds: float, voicing: Voicing) -> PitchContour:
    """Decide voicing and mend octave errors.

    Args:
        pitch: Hz, (frames,).
        confidence: 0–1, (frames,).
        levels: dBFS, (frames,).
        hop_seconds: seconds between frames.
        voicing: confidences of this network.

    Returns:
        The contour; its confidence is 0 in silence.
    """
    quiet = float(levels.max(initial=_LOWEST_SILENCE_DBFS)) - _SILENCE_BELOW_LOUDEST_DB
    audible = levels >= max(min(SILENCE_DBFS, quiet), _LOWEST_SILENCE_DBFS)
    confidence = np.where(audible, np.clip(confidence, 0.0, 1.0), 0.0).astype(np.float32)
    voiced = audible & (confidence >= voicing.release) & (pitch >= MIN_HZ) & (pitch <= MAX_HZ)
    voiced = _keep_reaching(voiced, confidence >= voicing.onset)
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


def _keep_reaching(voiced: NDArray[np.bool_], strong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the stretches that are strong somewhere."""
    kept: NDArray[np.bool_] = voiced.copy()
    for begin, end in runs(voiced):
        kept[begin:end] = strong[begin:end].any()
    return kept


def _mend_octaves(
    octaves: NDArray[np.float64], confidence: Floats, voiced: NDArray[np.bool_], hop_seconds: float
) -> NDArray[np.float64]:
    """Choose every frame's pitch by dynamic programming, so that leaps and departures from the network cost least.

    The choice is between what the network says, an octave below, an octave above, and the median around the frame.
    """
    mended: NDArray[np.float64] = octaves.copy()
    frames = np.flatnonzero(voiced)
    phrases = np.split(frames, np.flatnonzero(np.diff(frames) * hop_seconds > _PHRASE_GAP_SECONDS) + 1)
    for phrase in phrases:
        said = octaves[phrase]
        if said.size < 2 or np.abs(np.diff(said)).max() <= _FREE_LEAP:
            continue
        median = median_filter(said, size=round(_MEDIAN_SECONDS / hop_seconds), mode="nearest")
        candidates = np.stack((said, said - 1, said + 1, median), axis=1)
        cost = np.outer(confidence[phrase] * hop_seconds * _DEPARTURE_COST_PER_SECOND, (0.0, 1.0, 1.0, 1.0))
        cost[(candidates < np.log2(MIN_HZ)) | (candidates > np.log2(MAX_HZ))] = np.inf
        leaps = np.abs(candidates[1:, None, :] - candidates[:-1, :, None])
        price = np.clip((leaps - _FREE_LEAP) / (_FULL_LEAP - _FREE_LEAP), 0.0, 1.0)
        mended[phrase] = candidates[np.arange(said.size), _cheapest_path(cost, price)]
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
    kept: NDArray[np.bool_] = voiced.copy()
    for begin, end in runs(voiced):
        if end - begin <= longest:
            kept[begin:end] = False
    return kept
