"""From the source's envelopes to the target's: statistics that every frame obeys, and the retrieved sounds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auto_voice.inference.conversion.envelope import ORDER, SAMPLE_RATE, Cepstra, cosine_basis, cosines_at

_WARPS = np.arange(0.80, 1.26, 0.025)
_WARP_ORDER = 30
_WARP_FRAMES = 2000
_MAX_SPREAD = 2.0
_MINIMUM_FRAMES = 10


class Statistics(NamedTuple):
    """Mean and spread of a voice's envelopes, apart for voiced and unvoiced sounds, and its room.

    Attributes:
        mean, spread: float32 (2, ORDER); row 1 is voiced.
        frames: int64 (2,), how many frames each row was taken from.
        pauses: float32 (ORDER,), mean envelope where nobody speaks; NaN where there were no pauses.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    frames: NDArray[np.int64]
    pauses: NDArray[np.float32]


def measure(shapes: Cepstra, voiced: NDArray[np.bool_], active: NDArray[np.bool_]) -> Statistics:
    """Statistics of a recording's envelopes; `voiced` and `active` are bool (frames,)."""
    mean = np.zeros((2, ORDER), np.float32)
    spread = np.ones((2, ORDER), np.float32)
    frames = np.zeros(2, np.int64)
    for row in (0, 1):
        chosen = shapes[active & (voiced == bool(row))]
        frames[row] = len(chosen)
        if len(chosen) >= _MINIMUM_FRAMES:
            mean[row], spread[row] = chosen.mean(axis=0), chosen.std(axis=0)
    silent = shapes[~active]
    pauses = silent.mean(axis=0) if len(silent) >= _MINIMUM_FRAMES else np.full(ORDER, np.nan, np.float32)
    return Statistics(mean, spread, frames, pauses)


def warp_frequencies(shapes: Cepstra, factor: float) -> Cepstra:
    """Move every formant by `factor` (1.1 = 10 % higher: a shorter vocal tract)."""
    bins = np.linspace(0, SAMPLE_RATE / 2, cosine_basis().shape[1])
    matrix = cosines_at(np.minimum(bins / factor, SAMPLE_RATE / 2)) @ cosine_basis().T
    return np.asarray(shapes @ matrix)


def best_warp(source: Cepstra, target: Cepstra) -> float:
    """The vocal-tract length ratio at which the source's sounds come nearest to the same sounds of the target.

    Args:
        source, target: the same sounds, frame by frame.
    """
    step = max(1, len(source) // _WARP_FRAMES)
    source, target = source[::step], target[::step]
    if len(source) < _MINIMUM_FRAMES:
        return 1.0

    def distance(factor: float) -> float:
        difference = (warp_frequencies(source, factor) - target)[:, 1:_WARP_ORDER]
        return float(((difference - difference.mean(axis=0)) ** 2).mean())

    return min((float(factor) for factor in _WARPS), key=distance)


def move_mean(shapes: Cepstra, voiced: NDArray[np.bool_], own: Statistics, target: Statistics) -> Cepstra:
    """Give the envelopes the target's long-term mean; every frame keeps its distance from the mean."""
    moved: Cepstra = shapes.copy()
    for row in (0, 1):
        if min(own.frames[row], target.frames[row]) >= _MINIMUM_FRAMES:
            moved[voiced == bool(row)] += target.mean[row] - own.mean[row]
    return moved


def restore_spread(
    shapes: Cepstra, voiced: NDArray[np.bool_], active: NDArray[np.bool_], target: Statistics
) -> Cepstra:
    """Give blended envelopes the target's variance back (global variance, Toda et al. 2007): means are dull."""
    own = measure(shapes, voiced, active)
    restored: Cepstra = shapes.copy()
    for row in (0, 1):
        if min(own.frames[row], target.frames[row]) < _MINIMUM_FRAMES:
            continue
        factor = np.clip(target.spread[row] / (own.spread[row] + 1e-6), 1.0, _MAX_SPREAD)
        factor[0] = 1.0
        chosen = voiced == bool(row)
        restored[chosen] = (shapes[chosen] - own.mean[row]) * factor + own.mean[row]
    return restored
