"""The worker's pulse: leases renewed, news of cancellation, signs of life, and the end of what hangs."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from auto_voice.config import Settings
from auto_voice.errors import AutoVoiceError, StorageError
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.worker.shift import Shift

PULSE_SECONDS = 0.5
"""How often it looks whether jobs were cancelled."""
STALLED_EXIT_CODE = 70

_DRAIN_MARGIN_SECONDS = 2.0
_RETRY_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Heartbeat(threading.Thread):
    """Beats until it is stopped; a slot that hangs does not hold it up.

    Args:
        worker_id: of this worker.
        settings: give the intervals.
        store: the jobs.
        workers: where the worker shows that it lives.
        shift: what the worker does.
        details: tells what others may know of the worker.
        parent_gone: whether the supervisor has died.
        leave: ends the process at once, with an exit code.
    """

    def __init__(
        self,
        worker_id: str,
        settings: Settings,
        *,
        store: JobStore,
        workers: WorkerRegistry,
        shift: Shift,
        details: Callable[[], dict[str, Any]],
        parent_gone: Callable[[], bool],
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._worker_id = worker_id
        self._renew_seconds = settings.jobs.lease_seconds / 3
        self._beat_seconds = settings.monitoring.health_check_interval
        self._stall_seconds = settings.jobs.stall_seconds
        # Before the supervisor's patience ends, jobs that are still running go back to the queue.
        patience = settings.server.shutdown_timeout
        self._drain_seconds = patience - min(_DRAIN_MARGIN_SECONDS, patience / 2)
        self._store = store
        self._workers = workers
        self._shift = shift
        self._details = details
        self._parent_gone = parent_gone
        self._leave = leave
        self._stopped = threading.Event()
        self._next_renewal = self._next_beat = 0.0
        self._shown: tuple[str, object] | None = None

    def run(self) -> None:
        """Beat until stopped."""
        while not self._stopped.wait(PULSE_SECONDS):
            for task in (self._follow_parent, self.watch, self._renew, self._end_stalled, self._end_drain, self._beat):
                try:
                    task()
                except AutoVoiceError as error:
                    _log.warning("the heartbeat missed a beat: %s", error.message)
                except Exception:
                    _log.exception("the heartbeat stumbled")

    def stop(self) -> None:
        """Beat no more."""
        self._stopped.set()
        self.join()

    def watch(self) -> None:
        """Learn which attempts no longer count: cancelled, taken away, or streams that nobody listens to any more."""
        attempts = self._shift.attempts()
        known = self._store.many([attempt.job.job_id for attempt in attempts]) if attempts else {}
        for attempt in attempts:
            now = known.get(attempt.job.job_id)
            if now is None or now.state != "processing" or now.attempt != attempt.job.attempt:
                attempt.lost = True

    def _renew(self) -> None:
        if time.monotonic() < self._next_renewal:
            return
        self._next_renewal = time.monotonic() + self._renew_seconds
        for attempt in self._shift.attempts():
            try:
                self._store.renew(attempt.job)
            except LostJobError:
                attempt.lost = True

    def _beat(self) -> None:
        """Show that the worker lives: every now and then, and when what it does or holds has changed."""
        details = self._details()
        shown = (self._shift.state, details.get("models"))
        if time.monotonic() < self._next_beat and shown == self._shown:
            return
        self._next_beat, self._shown = time.monotonic() + self._beat_seconds, shown
        try:
            self._workers.beat(self._worker_id, self._shift.state, details)
        except StorageError:
            self._next_beat = time.monotonic() + min(_RETRY_SECONDS, self._beat_seconds)
            raise

    def _end_stalled(self) -> None:
        """A thread that hangs in foreign code can be ended only with its process; the supervisor starts another."""
        for attempt in self._shift.attempts():
            if attempt.silent_seconds > self._stall_seconds:
                _log.error(
                    "%s has shown no progress for %.0f s: the worker is restarted",
                    attempt.job.job_id,
                    attempt.silent_seconds,
                )
                self._leave(STALLED_EXIT_CODE)

    def _follow_parent(self) -> None:
        if self._shift.drain_seconds is None and self._parent_gone():
            _log.error("the supervisor is gone: stopping")
            self._shift.drain()

    def _end_drain(self) -> None:
        """When a stage takes longer than there is time, its job waits for the next worker; that is no loss."""
        draining = self._shift.drain_seconds
        if draining is None or draining < self._drain_seconds:
            return
        for attempt in self._shift.attempts():
            _log.warning("%s goes back to the queue in the middle of a stage", attempt.job.job_id)
            try:
                self._store.release(attempt.job)
            except LostJobError:
                attempt.lost = True
        self._leave(0)
