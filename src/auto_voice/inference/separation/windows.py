"""Work through sound of any length in overlapping windows, with memory for one window beside input and output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auto_voice.audio import Samples
from auto_voice.features import Progress, no_progress


def process_in_windows(
    samples: Samples,
    window: int,
    overlap: int,
    process: Callable[[Samples, Progress], Samples],
    progress: Progress = no_progress,
) -> Samples:
    """Process window by window and crossfade the results where windows overlap.

    Args:
        samples: float32 (channels, frames).
        window: frames of a window; the last one is filled up with zeros, so that `process` sees no other length.
        overlap: frames shared by two neighbours, at most half a window. The crossfade weights add up to one: what
            `process` leaves alone comes out unchanged.
        process: (channels, window) → same shape, with the window's own progress from 0 to 1.

    Returns:
        float32 (channels, frames), newly allocated.
    """
    if not 0 < 2 * overlap <= window:
        raise ValueError(f"overlap must be between 1 and half the window ({window}), got {overlap}")
    frames = samples.shape[1]
    result = np.zeros_like(samples)
    fade_in = (np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap) ** 2).astype(np.float32)
    starts = range(0, max(frames - overlap, min(frames, 1)), window - overlap)
    for index, start in enumerate(starts):

        def window_progress(fraction: float, index: int = index) -> None:
            progress((index + fraction) / len(starts))

        part = samples[:, start : start + window]
        filled = part if part.shape[1] == window else np.pad(part, ((0, 0), (0, window - part.shape[1])))
        piece = process(filled, window_progress)[:, : part.shape[1]]
        if index > 0:
            piece[:, :overlap] *= fade_in
        if index < len(starts) - 1:
            piece[:, -overlap:] *= fade_in[::-1]
        result[:, start : start + window] += piece
        window_progress(1.0)
    return result
