"""How long it will take: by the pace of the jobs before, and by who else waits."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.database.tables import jobs
from auto_voice.jobs.job import Job, Kind, Lane
from auto_voice.jobs.ordering import waiting_in_order
from auto_voice.jobs.pace import Pace, preset_of
from auto_voice.jobs.workers import places

_LONGEST_RETRY = 3600


@dataclass(frozen=True)
class _LaneNow:
    """What a lane is doing.

    Attributes:
        free_in: for each place the seconds until it is free.
        waiting: who waits, in the order of claims, with the seconds of work.
    """

    free_in: list[float]
    waiting: list[tuple[str, float]]

    def wait(self, job_id: str | None) -> float:
        """Until that job begins; for None, until one that comes in now would.

        Each waiting job takes the place that is free first.
        """
        free = list(self.free_in)
        heapq.heapify(free)
        for waiting, work in self.waiting:
            if waiting == job_id:
                break
            heapq.heapreplace(free, free[0] + work)
        return free[0]


class Estimates:
    """Guesses in seconds. Thread-safe. Everything raises StorageError when the database cannot be used."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._pace = Pace(settings)

    def total_seconds(self, kind: Kind, parameters: Mapping[str, Any], work_seconds: float | None) -> float:
        """How long such a job is worked on, without its waiting: the median pace of such jobs before, else a guess.

        Args:
            kind: of the job.
            parameters: of the job; conversions of different presets are different work.
            work_seconds: how much sound there is; None for a usual amount.
        """
        with self._database.read() as connection:
            return self._total(connection, kind, parameters, work_seconds)

    def remaining_seconds(self, job: Job) -> float:
        """Until the job is done, its waiting included; 0 where it has ended."""
        if job.ended:
            return 0.0
        with self._database.read() as connection:
            total = self._total(connection, job.kind, job.parameters, job.work_seconds)
            if job.state == "processing":
                return self._rest(total, job.progress, job.attempt_at)
            return self._lane(connection, job.lane).wait(job.job_id) + total

    def queue_position(self, job: Job) -> int | None:
        """The job's place among those that wait, counted from 1 in the order of claims; None where it doesn't wait."""
        if job.state != "queued":
            return None
        with self._database.read() as connection:
            order = list(connection.scalars(waiting_in_order(job.lane)))
        return order.index(job.job_id) + 1 if job.job_id in order else None

    def wait_seconds(self, job: Job | Lane) -> float:
        """Until the job begins; for a lane, until a job that comes in now would."""
        if isinstance(job, Job) and job.state != "queued":
            return 0.0
        with self._database.read() as connection:
            if isinstance(job, Job):
                return self._lane(connection, job.lane).wait(job.job_id)
            return self._lane(connection, job).wait(None)

    def next_place_seconds(self, lane: Lane) -> int:
        """Whole seconds until the next job of the lane should be done, so that another one may wait; 1 to 3600."""
        with self._database.read() as connection:
            now = self._lane(connection, lane)
        first = min(now.free_in) or min((work for _, work in now.waiting), default=0.0)
        return min(_LONGEST_RETRY, max(1, math.ceil(first)))

    def _lane(self, connection: Connection, lane: Lane) -> _LaneNow:
        # Nothing but what is needed: a hundred long texts may wait, and many clients ask how long.
        open_jobs = select(
            *(jobs.c.job_id, jobs.c.kind, jobs.c.state, jobs.c.work_seconds, jobs.c.progress, jobs.c.attempt_at),
            preset_of(self._settings).label("preset"),
        ).where(jobs.c.lane == lane, jobs.c.state.in_(("queued", "processing")))
        rests: list[float] = []
        work: dict[str, float] = {}
        for job in connection.execute(open_jobs):
            total = self._pace.seconds(connection, job.kind, job.preset, job.work_seconds)
            if job.state == "processing":
                rests.append(self._rest(total, job.progress, job.attempt_at))
            else:
                work[job.job_id] = total
        idle = max(0, places(connection, self._settings, lane, self._clock()) - len(rests))
        order = connection.scalars(waiting_in_order(lane))
        # A job may have been claimed or made since the first query.
        return _LaneNow(rests + [0.0] * idle, [(job_id, work[job_id]) for job_id in order if job_id in work])

    def _rest(self, expected: float, progress: float, began: float | None) -> float:
        """What is left of a running job. The further it has come, the more its own pace counts."""
        done = progress / 100
        if done > 0 and began is not None:
            own = min(1.0, 2 * done)
            expected = (1 - own) * expected + own * max(0.0, self._clock() - began) / done
        return expected * (1 - done)

    def _total(
        self, connection: Connection, kind: Kind, parameters: Mapping[str, Any], work_seconds: float | None
    ) -> float:
        preset = (parameters.get("preset") or self._settings.quality.default_preset) if kind == "conversion" else None
        return self._pace.seconds(connection, kind, preset, work_seconds)
