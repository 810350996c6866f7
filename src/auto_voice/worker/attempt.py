"""An attempt at a job: its progress into the table, and the news that it no longer counts out of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from auto_voice.errors import CancelledError, StorageError
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.job import Job
from auto_voice.jobs.store import JobStore
from auto_voice.worker.shift import Shift

REPORT_SECONDS = 0.5
"""Progress goes into the table at most so often, but for the beginning of a stage."""

_log = logging.getLogger(__name__)


class Drained(CancelledError):  # noqa: N818 - no error: the job goes on elsewhere
    """The worker stops, and this is a good place to stop the job, too."""


class Attempt:
    """One job while this worker has it. Its `progress` is what the executor calls; thread-safe.

    Attributes:
        job: as it was claimed.
        lost: the table says that the attempt no longer counts; nothing more of it may be written.
    """

    def __init__(self, job: Job, store: JobStore, shift: Shift, clock: Callable[[], float] = time.monotonic) -> None:
        self.job = job
        self.lost = False
        self._store = store
        self._shift = shift
        self._clock = clock
        self._stage: str | None = None
        self._reported = float("-inf")
        self._heard = clock()

    @property
    def silent_seconds(self) -> float:
        """How long the executor has shown no progress."""
        return self._clock() - self._heard

    def progress(self, percent: float, stage: str) -> None:
        """Take note of progress.

        Raises:
            CancelledError: the job was cancelled, or taken away.
            Drained: the worker stops, and a stage of a batch job has just ended.
        """
        self._heard = self._clock()
        if self.lost:
            raise CancelledError
        begins = stage != self._stage
        if begins and self.job.lane == "batch" and self._shift.drain_seconds is not None:
            raise Drained
        if begins or self._heard - self._reported >= REPORT_SECONDS:
            self._stage, self._reported = stage, self._heard
            self._report(percent, stage)

    def _report(self, percent: float, stage: str) -> None:
        try:
            self._store.report(self.job, percent, stage)
        except LostJobError as error:
            self.lost = True
            raise CancelledError from error
        except StorageError as error:
            # What is shown is late then; the work goes on, and its end will be written or the lease runs out.
            _log.warning("progress could not be stored: %s", error.message)
