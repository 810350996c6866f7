"""What the supervisor does for the jobs: takes back what a dead worker had, requeues what was lost, tidies up."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from auto_voice.config import Settings
from auto_voice.database import open_database
from auto_voice.errors import AutoVoiceError
from auto_voice.jobs.cleanup import Cleanup
from auto_voice.jobs.recovery import recover
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry

RECOVERY_SECONDS = 2.0
"""How often leases are looked through."""

_log = logging.getLogger(__name__)


class Chores(threading.Thread):
    """A thread of its own, so that a slow disk never keeps the supervisor from its processes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="chores", daemon=True)
        self._database = open_database(settings)
        self._store = JobStore(settings, self._database)
        self._workers = WorkerRegistry(self._database)
        self._cleanup = Cleanup(settings, self._store)
        self._cleanup_seconds = settings.cache.cleanup_interval_hours * 3600
        self._lost: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def lost(self, worker_id: str) -> None:
        """That worker's process has ended: what it was doing, if anything, goes back to the queue at once."""
        self._lost.put(worker_id)

    def close(self, timeout: float) -> None:
        """Finish what is known to be lost, and end; waits at most `timeout` seconds."""
        self._lost.put(None)
        self.join(timeout)

    def run(self) -> None:
        """Work until closed."""
        next_cleanup = time.monotonic()
        while True:
            try:
                worker_id = self._lost.get(timeout=RECOVERY_SECONDS)
            except queue.Empty:
                self._do("recovering lost jobs", lambda: recover(self._store))
            else:
                if worker_id is None:
                    break
                self._take_back(worker_id)
            if time.monotonic() >= next_cleanup:
                next_cleanup = time.monotonic() + self._cleanup_seconds
                self._do("removing what has expired", self._cleanup.run)
        self._database.dispose()

    def _take_back(self, worker_id: str) -> None:
        def take() -> None:
            jobs = self._store.lose(worker_id)
            if jobs:
                _log.warning("a worker died with %d jobs, which go back to the queue: %s", len(jobs), ", ".join(jobs))
            self._workers.gone(worker_id)

        self._do("taking a dead worker's jobs back", take)

    def _do(self, what: str, work: Callable[[], object]) -> None:
        """Do it, or say why not: the next round tries again, and an expired lease is found in any case."""
        try:
            work()
        except AutoVoiceError as error:
            _log.error("%s failed: %s", what, error.message)
        except Exception:
            _log.exception("%s failed", what)
