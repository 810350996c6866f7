"""A worker: its slots, its heartbeat, and how they begin and end."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.jobs.job import Kind
from auto_voice.jobs.queue import JobQueue
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import SLOTS, WorkerRegistry
from auto_voice.storage.paths import Paths
from auto_voice.supervisor.parent import parent_gone, tell_ready
from auto_voice.supervisor.signals import SignalInbox
from auto_voice.worker.executors import Executor
from auto_voice.worker.heartbeat import Heartbeat
from auto_voice.worker.shift import Shift
from auto_voice.worker.slot import Slot

_JOIN_SECONDS = 0.2

_log = logging.getLogger(__name__)


class Worker:
    """Takes jobs and does them until it is told to stop.

    Args:
        worker_id: unlike any other worker's.
        settings: in force.
        store: the jobs.
        queue: wakes the slots.
        workers: where it shows that it lives.
        executors: makes the executor of each kind, when a job of the kind first comes.
        details: tells what others may know of it.
    """

    def __init__(
        self,
        worker_id: str,
        settings: Settings,
        *,
        store: JobStore,
        queue: JobQueue,
        workers: WorkerRegistry,
        executors: Mapping[Kind, Callable[[], Executor]],
        details: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._worker_id = worker_id
        self._workers = workers
        self._executors = executors
        self._made: dict[Kind, Executor] = {}
        self._making = threading.Lock()
        self.shift = Shift()
        self._heartbeat = Heartbeat(
            worker_id,
            settings,
            store=store,
            workers=workers,
            shift=self.shift,
            details=details,
            parent_gone=parent_gone,
        )
        self._slots = [
            Slot(
                worker_id,
                lane,
                store=store,
                queue=queue,
                paths=Paths(settings),
                executor=self._executor,
                shift=self.shift,
                lease_seconds=settings.jobs.lease_seconds,
            )
            for lane, number in SLOTS.items()
            for _ in range(number)
        ]

    def start(self) -> None:
        """Begin to take jobs."""
        self._heartbeat.start()
        for slot in self._slots:
            slot.start()
        _log.info("worker %s is ready", self._worker_id)

    def run(self, signals: SignalInbox) -> None:
        """Work until told to stop: by SIGTERM or SIGINT soon, by SIGHUP after the jobs that run."""
        self.start()
        tell_ready()
        while any(slot.is_alive() for slot in self._slots):
            for number in signals.read(_JOIN_SECONDS):
                if number == signal.SIGHUP:
                    self.shift.retire()
                else:
                    self.shift.drain()
            self._end_where_maimed()
        self.finish()

    def finish(self) -> None:
        """Wait for the slots, and sign off."""
        for slot in self._slots:
            slot.join()
        self._heartbeat.stop()
        try:
            self._workers.gone(self._worker_id)
        except StorageError as error:
            _log.warning("the worker could not sign off: %s", error.message)

    def _end_where_maimed(self) -> None:
        """Make room for a fresh worker where a thread has died: an engine called `exit`, or memory ran out twice."""
        threads = (self._heartbeat, *self._slots)
        if not all(thread.is_alive() for thread in threads) and self.shift.state == "ready":
            _log.error("a thread of the worker has died: this worker makes room for a fresh one")
            self.shift.retire()

    def _executor(self, kind: Kind) -> Executor:
        with self._making:
            if kind not in self._made:
                self._made[kind] = self._executors[kind]()
            return self._made[kind]
