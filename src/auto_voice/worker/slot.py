"""A slot takes one job after the other and does it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auto_voice.errors import AutoVoiceError, CancelledError, OutOfMemoryError, StorageError
from auto_voice.inference.memory import release_memory
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.job import Job, Kind, Lane
from auto_voice.jobs.queue import JobQueue
from auto_voice.jobs.store import JobStore
from auto_voice.monitoring.context import log_context
from auto_voice.storage.paths import Paths
from auto_voice.worker.attempt import Attempt, Drained
from auto_voice.worker.executors import Executor
from auto_voice.worker.result_files import attempt_folder, discard, keep_alone, seal
from auto_voice.worker.shift import Shift

POLL_SECONDS = 0.08
"""How often a slot with nothing to do looks for a message."""
LOOK_SECONDS = 1.0
"""How often it looks into the table without one: messages may be lost, and a place may have become free."""

_RETRY_SECONDS = 1.0
_PRIVATE = ("text", "song_name", "profile_name", "description")
"""Parameters whose text appears in no log line, whoever writes it."""

_log = logging.getLogger(__name__)


class Slot(threading.Thread):
    """Works on one job at a time, until the shift ends.

    Args:
        worker_id: whose slot.
        lane: of the jobs it takes.
        store: the jobs.
        queue: wakes it.
        paths: where their files go.
        executor: gives the executor of a kind.
        shift: the worker's.
        lease_seconds: how long an end that cannot be written is tried again.
    """

    def __init__(
        self,
        worker_id: str,
        lane: Lane,
        *,
        store: JobStore,
        queue: JobQueue,
        paths: Paths,
        executor: Callable[[Kind], Executor],
        shift: Shift,
        lease_seconds: float,
    ) -> None:
        super().__init__(name=f"slot-{lane}", daemon=True)
        self._worker_id = worker_id
        self._lane = lane
        self._store = store
        self._queue = queue
        self._paths = paths
        self._executor = executor
        self._shift = shift
        self._lease_seconds = lease_seconds
        self._next_look = 0.0

    def run(self) -> None:
        """Take jobs until the shift ends."""
        while not self._shift.over_for(self._lane):
            try:
                job = self._next_job()
                if job is None:
                    self._shift.pause(POLL_SECONDS)
                else:
                    self._next_look = 0.0
                    self.work(job)
            except AutoVoiceError as error:
                _log.error("the %s slot cannot go on for now: %s", self._lane, error.message)
                self._shift.pause(_RETRY_SECONDS)
            except Exception:
                _log.exception("the %s slot stumbled", self._lane)
                self._shift.pause(_RETRY_SECONDS)

    def _next_job(self) -> Job | None:
        """A job that is ours now. A message only says that it is worth looking; the table is looked at anyway."""
        now = time.monotonic()
        if now < self._next_look and self._queue.take(self._lane) is None:
            return None
        self._next_look = now + LOOK_SECONDS
        return self._store.claim(self._worker_id, self._lane)

    def work(self, job: Job) -> None:
        """Do a claimed job, and write how it ended."""
        attempt = Attempt(job, self._store, self._shift)
        private = (job.parameters.get(name) for name in _PRIVATE)
        with log_context(*private, job_id=job.job_id, request_id=job.request_id), self._shift.busy_with(attempt):
            _log.info("%s begins, attempt %d", job.kind, job.attempt)
            began = time.monotonic()
            end = self._done(attempt)
            _log.info("%s %s after %.1f s", job.kind, end, time.monotonic() - began)
        release_memory()

    def _done(self, attempt: Attempt) -> str:
        """Run the executor and write how that ended; returns it in a word.

        Raises:
            StorageError: it could not be written; what was made stays, and the job is done again.
        """
        job = attempt.job
        folder = self._paths.attempt_dir(job.job_id, job.attempt)
        end, write = self._outcome(attempt, folder)
        try:
            if write is not None:
                self._write(attempt, write)
        except LostJobError:
            # Where the database answered too late, an earlier try may have reached it.
            now = self._store.get(job.job_id)
            if (now.attempt, now.state) != (job.attempt, end):
                end = "given up"
        if end == "completed":
            keep_alone(folder)
        else:
            discard(folder)
        return end

    def _outcome(self, attempt: Attempt, folder: Path) -> tuple[str, Callable[[], None] | None]:
        """How the attempt ended, in a word, and the writing of it; nothing is to be written of one that is lost."""
        job, store = attempt.job, self._store
        try:
            result = self._executor(job.kind).run(job, attempt_folder(folder), attempt.progress)
            seal(folder)
        except Drained:
            return "released", lambda: store.release(job)
        except (CancelledError, LostJobError):
            return "given up", None
        except Exception as error:
            document = self._error_document(error)
            return "failed", lambda: store.fail(job, document)
        return "completed", lambda: store.complete(job, result)

    def _error_document(self, error: Exception) -> dict[str, Any]:
        """The error as the job keeps it. What went wrong inside us is for the log alone."""
        if isinstance(error, MemoryError):
            error = OutOfMemoryError()
        if isinstance(error, OutOfMemoryError):
            _log.error("memory ran out: this worker makes room for a fresh one")
            self._shift.retire()
        if not isinstance(error, AutoVoiceError):
            _log.error("the job met a bug", exc_info=error)
            error = AutoVoiceError("Something went wrong inside AutoVoice.")
        shown = error.for_strangers()
        if shown is not error:
            _log.error("the job cannot be done: %s", error.message)
        return {"code": shown.code, "message": shown.message, "details": {"suggestions": shown.suggestions}}

    def _write(self, attempt: Attempt, write: Callable[[], None]) -> None:
        """Write how the job ended. While the database cannot be used this is tried again, as long as it may count.

        Raises:
            LostJobError: the attempt no longer counts.
            StorageError: the lease has run out by now; the job will be done again.
        """
        give_up = time.monotonic() + self._lease_seconds
        while True:
            try:
                write()
                return
            except StorageError as error:
                if attempt.lost or time.monotonic() >= give_up:
                    raise
                _log.warning("the end of the job cannot be written yet: %s", error.message)
                time.sleep(_RETRY_SECONDS)
