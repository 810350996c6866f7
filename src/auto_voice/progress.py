"""The walk through the stages as its watcher sees it: one rising percentage, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from auto_voice.features import Progress

ProgressCallback = Callable[[float, str], None]
"""Called with the progress of the whole job, 0–100, and the stage's name. It cancels the job by raising."""

STAGE_BOUNDS = {
    "source_separation": (0.0, 25.0),
    "pitch_extraction": (25.0, 40.0),
    "voice_conversion": (40.0, 80.0),
    "audio_mixing": (80.0, 100.0),
}
"""Where each stage begins and ends, percent of the job; public API, in the order of the walk."""


class StageWatch:
    """Turns each stage's own 0–1 into the job's 0–100, never falling, and measures the stages.

    Attributes:
        seconds: how long each finished stage took.

    """

    def __init__(self, callback: ProgressCallback | None = None) -> None:
        self._callback = callback
        self._reached = 0.0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[Progress]:
        """Run one stage of STAGE_BOUNDS; gives the progress callback to hand to it."""
        low, high = STAGE_BOUNDS[name]
        begun = time.perf_counter()

        def progress(fraction: float) -> None:
            self._reached = max(self._reached, low + (high - low) * min(max(fraction, 0.0), 1.0))
            if self._callback is not None:
                self._callback(self._reached, name)

        progress(0.0)
        yield progress
        self.seconds[name] = time.perf_counter() - begun
        progress(1.0)
