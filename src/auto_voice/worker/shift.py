"""Whether a worker still takes jobs, and which it has."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from auto_voice.jobs.job import Lane

if TYPE_CHECKING:
    from auto_voice.worker.attempt import Attempt


class Shift:
    """What a worker's threads know of each other. Thread-safe."""

    def __init__(self) -> None:
        self._retiring = threading.Event()
        self._draining = threading.Event()
        self._drain_began = 0.0
        self._attempts: set[Attempt] = set()
        self._lock = threading.Lock()

    @property
    def state(self) -> Literal["ready", "draining"]:
        """As the table of workers says it."""
        return "draining" if self._retiring.is_set() else "ready"

    def over_for(self, lane: Lane) -> bool:
        """Whether no more jobs of the lane are taken.

        A worker that retires may have a song that takes long: as long as it has, it also speaks and learns voices,
        because its successor comes only afterwards.
        """
        if not self._retiring.is_set():
            return False
        if lane == "batch" or self._draining.is_set():
            return True
        return not any(attempt.job.lane == "batch" for attempt in self.attempts())

    @property
    def drain_seconds(self) -> float | None:
        """How long it has been draining, so that batch jobs stop at the next stage; None while it is not."""
        return time.monotonic() - self._drain_began if self._draining.is_set() else None

    def retire(self) -> None:
        """End when the batch job that runs has ended, and what is done beside it."""
        self._retiring.set()

    def drain(self) -> None:
        """End as soon as no work is lost by it."""
        if not self._draining.is_set():
            self._drain_began = time.monotonic()
        self._draining.set()
        self._retiring.set()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until it drains."""
        self._draining.wait(seconds)

    @contextmanager
    def busy_with(self, attempt: Attempt) -> Iterator[None]:
        """The attempt runs while the block does."""
        with self._lock:
            self._attempts.add(attempt)
        try:
            yield
        finally:
            with self._lock:
                self._attempts.discard(attempt)

    def attempts(self) -> list[Attempt]:
        """Those that run now."""
        with self._lock:
            return list(self._attempts)
