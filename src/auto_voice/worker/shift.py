"""Whether a worker still takes jobs, and which it has."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from auto_voice.worker.attempt import Attempt


class Shift:
    """What a worker's threads know of each other. Thread-safe."""

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._drain_began: float | None = None
        self._attempts: set[Attempt] = set()
        self._lock = threading.Lock()

    @property
    def state(self) -> Literal["ready", "draining"]:
        """As the table of workers says it."""
        return "draining" if self._ending.is_set() else "ready"

    @property
    def ending(self) -> bool:
        """No more jobs are taken; those that run go on to their end, unless it is draining too."""
        return self._ending.is_set()

    @property
    def drain_seconds(self) -> float | None:
        """How long it has been draining, so that batch jobs stop at the next stage; None while it is not."""
        return None if self._drain_began is None else time.monotonic() - self._drain_began

    def retire(self) -> None:
        """End when the jobs that run have ended."""
        self._ending.set()

    def drain(self) -> None:
        """End as soon as no work is lost by it."""
        if self._drain_began is None:
            self._drain_began = time.monotonic()
        self._ending.set()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until no more jobs are taken."""
        self._ending.wait(seconds)

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
