"""What pitch engines share on their way in: one rate, one level, pieces with context, the level of every frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.features import Progress

Floats = NDArray[np.float32]

SAMPLE_RATE = 16000
MIN_HZ, MAX_HZ = 46.875, 1400.0
"""From the lowest bass to the highest soprano."""

_LEVEL_PEAK = 0.5
_MAX_GAIN = 10.0 ** (30 / 20)
_SILENT_DBFS = -200.0


def at_network_rate(vocals: Audio) -> Samples:
    """Mono at 16 kHz, (n,); of an empty recording one sample of silence."""
    samples: Samples = resample_samples(vocals.mono(), vocals.sample_rate, SAMPLE_RATE)
    return samples if samples.size else np.zeros(1, np.float32)


def network_gain(samples: Samples) -> float:
    """What brings the peak to where the networks hear well, without raising noise by more than 30 dB."""
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)), 1e-9)
    return min(_LEVEL_PEAK / peak, _MAX_GAIN)


def frame_levels(samples: Samples, hop: int) -> Floats:
    """Level in dBFS around every frame (three hops), frame i centred at i × hop: (n,) → (n // hop + 1,)."""
    frames = samples.size // hop + 1
    padded = np.pad(samples, (hop // 2, frames * hop - samples.size))[: frames * hop]
    power = np.square(padded).reshape(frames, hop).mean(axis=1)
    around = np.convolve(np.pad(power, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    return (10 * np.log10(np.maximum(around, 10 ** (_SILENT_DBFS / 10)))).astype(np.float32)


def in_pieces(
    samples: Samples,
    hop: int,
    piece_frames: int,
    context_frames: int,
    find: Callable[[Samples], tuple[Floats, Floats]],
    progress: Progress,
) -> tuple[Floats, Floats]:
    """Find pitch piece by piece, each heard with context on both sides.

    Args:
        samples: (n,).
        hop: samples between frames.
        piece_frames: frames taken from each piece.
        context_frames: frames before and after a piece that `find` hears, whose results are dropped.
        find: samples → pitch and confidence, with frame i centred at i × hop and at least n // hop + 1 frames.
        progress: from 0 to 1.

    Returns:
        Pitch in Hz and confidence, (n // hop + 1,) each.
    """
    frames = samples.size // hop + 1
    pitch, confidence = np.empty(frames, np.float32), np.empty(frames, np.float32)
    for begin in range(0, frames, piece_frames):
        end = min(begin + piece_frames, frames)
        first = max(begin - context_frames, 0)
        found = find(samples[first * hop : (end + context_frames) * hop])
        pitch[begin:end], confidence[begin:end] = (values[begin - first : end - first] for values in found)
        progress(end / frames)
    return pitch, confidence
