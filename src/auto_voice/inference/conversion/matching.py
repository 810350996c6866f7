"""Finding where the target says the same: nearest neighbours between the contents of two recordings.

The idea is kNN-VC's (Baas et al. 2023); which features, context and penalties keep the words was measured.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from auto_voice.features import Progress, no_progress

NEIGHBOURS = 8
_TEMPERATURE = 0.05
_VOICING_PENALTY = 0.3
_PITCH_PENALTY_PER_OCTAVE = 0.05
"""Up to one octave: the same sound is shaped somewhat differently when it is sung higher."""

_CONTEXT = (0.3, 0.7, 1.0, 0.7, 0.3)
"""A match is better when what comes before and after matches as well; one weight for every 20 ms."""

_BATCH = 512
_UNVOICED_HZ = 50.0


class Sounds(NamedTuple):
    """A recording's sounds in order, one every 20 ms.

    Attributes:
        content: float16 (frames, dimensions), unit length, free of the recording's own mean and spread.
        f0: float32 (frames,), Hz, 0 where unvoiced.
        active: bool (frames,), False in pauses.
    """

    content: NDArray[np.float16]
    f0: NDArray[np.float32]
    active: NDArray[np.bool_]


class Neighbours(NamedTuple):
    """For every frame of the source, frames of the target that say the same.

    Attributes:
        which: int64 (frames, NEIGHBOURS), which frames of the target.
        weight: float32 (frames, NEIGHBOURS), sums to 1.
    """

    which: NDArray[np.int64]
    weight: NDArray[np.float32]

    def blend(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weighted mean of the neighbours' values, (target frames, n) → (frames, n)."""
        blended: NDArray[np.float32] = np.einsum("fk,fkn->fn", self.weight, values[self.which])
        return blended


def normalise_content(frames: NDArray[np.float16], active: NDArray[np.bool_]) -> NDArray[np.float16]:
    """Take a recording's own mean and spread out of its content: what is left hardly tells who speaks.

    Args:
        frames: float16 (layers, frames, dimensions).
        active: bool (frames,); the statistics are those of these frames.

    Returns:
        float16 (frames, layers × dimensions), unit length.
    """
    parts = []
    for layer in frames:
        chosen = layer[active].astype(np.float32) if active.any() else layer.astype(np.float32)
        normal = (layer - chosen.mean(axis=0)) / (chosen.std(axis=0) + 1e-3)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) * np.sqrt(len(frames)) + 1e-9
        parts.append(normal.astype(np.float16))
    return np.concatenate(parts, axis=1)


def find_neighbours(source: Sounds, target: Sounds, progress: Progress = no_progress) -> Neighbours:
    """Compare every frame of the source with every active frame of the target.

    Memory: 512 source frames × all target frames at a time, whatever the length of the source.
    """
    bank = torch.from_numpy(target.content.astype(np.float32)).T.contiguous()
    active = torch.from_numpy(np.flatnonzero(target.active))
    octaves = torch.from_numpy(np.log2(np.maximum(target.f0, _UNVOICED_HZ)))[active]
    voiced = torch.from_numpy(target.f0 > 0)[active]
    reach = len(_CONTEXT) // 2
    indices, weights = [], []
    for start in range(0, len(source.f0), _BATCH):
        progress(start / len(source.f0))
        end = min(start + _BATCH, len(source.f0))
        rows = np.clip(np.arange(start - reach, end + reach), 0, len(source.f0) - 1)
        alike = torch.from_numpy(source.content[rows].astype(np.float32)) @ bank
        score = _with_context(alike, end - start)[:, active]
        source_f0 = source.f0[start:end]
        same_voicing = torch.from_numpy(source_f0 > 0)[:, None] == voiced
        source_octaves = torch.from_numpy(np.log2(np.maximum(source_f0, _UNVOICED_HZ)))[:, None]
        distance = (source_octaves - octaves).abs().clamp(max=1.0)
        score -= torch.where(same_voicing, _PITCH_PENALTY_PER_OCTAVE * distance, _VOICING_PENALTY)
        best, chosen = score.topk(min(NEIGHBOURS, score.shape[1]), dim=1)
        weights.append(torch.softmax(best / _TEMPERATURE, dim=1))
        indices.append(active[chosen])
    progress(1.0)
    return Neighbours(torch.cat(indices).numpy(), torch.cat(weights).numpy())


def _with_context(alike: torch.Tensor, rows: int) -> torch.Tensor:
    """Sum likeness along the diagonals: (rows + 2 × reach, bank) → (rows, bank)."""
    reach = len(_CONTEXT) // 2
    width = alike.shape[1]
    total = torch.zeros(rows, width)
    for offset, weight in zip(range(-reach, reach + 1), _CONTEXT, strict=True):
        left, right = max(0, -offset), min(width, width - offset)
        total[:, left:right] += weight * alike[reach + offset : reach + offset + rows, left + offset : right + offset]
    return total / sum(_CONTEXT)
