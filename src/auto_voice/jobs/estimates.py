"""How long it will take: learned from the jobs that were done before, and from who else waits."""

from __future__ import annotations

import heapq
import math
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.database.tables import jobs
from auto_voice.jobs import rows
from auto_voice.jobs.job import Job, Kind, Lane
from auto_voice.jobs.ordering import waiting_in_order
from auto_voice.jobs.workers import places

_LEARN_FROM = 200
_PER_GROUP = 50
_REMEMBER_SECONDS = 10.0
_USUAL_WORK: dict[Kind, float] = {"conversion": 210.0, "speech": 60.0, "stream": 10.0, "clone": 60.0, "analysis": 30.0}
"""Seconds of sound of a job that doesn't say how many it has."""
_FIRST_GUESS: dict[tuple[Kind, str | None], float] = {
    ("conversion", "fast"): 1.0,
    ("conversion", "balanced"): 4.0,
    ("conversion", "quality"): 6.0,
    ("speech", None): 0.5,
    ("stream", None): 0.5,
    ("clone", None): 0.5,
    ("analysis", None): 0.5,
}
"""Seconds of work for one second of sound, until there are finished jobs to learn from: a slow machine's."""
_LONGEST_RETRY = 3600


@dataclass(frozen=True)
class _Running:
    """What the lane is doing: seconds until each place is free, and the work of those that wait, in order."""

    free_in: list[float]
    waiting: list[tuple[str, float]]


class Estimates:
    """Guesses in seconds. Thread-safe. Everything raises StorageError when the database cannot be used."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._learned: dict[Kind, tuple[float, dict[str | None, float]]] = {}

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
            if job.state == "processing":
                return self._rest(connection, job)
            return self._wait(connection, job.lane, job.job_id) + self._total(
                connection, job.kind, job.parameters, job.work_seconds
            )

    def queue_position(self, job: Job) -> int | None:
        """The job's place among those that wait, counted from 1 in the order of claims; None where it doesn't wait."""
        if job.state != "queued":
            return None
        with self._database.read() as connection:
            order = _waiting(connection, job.lane)
        return order.index(job.job_id) + 1 if job.job_id in order else None

    def wait_seconds(self, job: Job | Lane) -> float:
        """Until the job begins; for a lane, until a job that comes in now would."""
        with self._database.read() as connection:
            if isinstance(job, str):
                return self._wait(connection, job, None)
            return self._wait(connection, job.lane, job.job_id) if job.state == "queued" else 0.0

    def next_place_seconds(self, lane: Lane) -> int:
        """Whole seconds until the next job of the lane should be done, so that another one may wait; 1 to 3600."""
        with self._database.read() as connection:
            state = self._lane(connection, lane)
        first = min(state.free_in) or min((work for _, work in state.waiting), default=0.0)
        return min(_LONGEST_RETRY, max(1, math.ceil(first)))

    def _wait(self, connection: Connection, lane: Lane, job_id: str | None) -> float:
        """Play the queue through: each waiting job takes the place that is free first."""
        state = self._lane(connection, lane)
        free = list(state.free_in)
        heapq.heapify(free)
        for waiting, work in state.waiting:
            if waiting == job_id:
                break
            heapq.heapreplace(free, free[0] + work)
        return free[0]

    def _lane(self, connection: Connection, lane: Lane) -> _Running:
        order = _waiting(connection, lane)
        open_jobs = select(jobs).where(jobs.c.lane == lane, jobs.c.state.in_(("queued", "processing")))
        known = {row["job_id"]: rows.as_job(row) for row in connection.execute(open_jobs).mappings()}
        rests = [self._rest(connection, job) for job in known.values() if job.state == "processing"]
        idle = max(0, places(connection, self._settings, lane, self._clock()) - len(rests))
        waiting = [known[job_id] for job_id in order]
        return _Running(
            free_in=rests + [0.0] * idle,
            waiting=[
                (job.job_id, self._total(connection, job.kind, job.parameters, job.work_seconds)) for job in waiting
            ],
        )

    def _rest(self, connection: Connection, job: Job) -> float:
        """What is left of a running job. The further it has come, the more its own pace counts."""
        expected = self._total(connection, job.kind, job.parameters, job.work_seconds)
        done = job.progress / 100
        if done > 0:
            elapsed = max(0.0, self._clock() - (job.attempt_at or self._clock()))
            own = min(1.0, 2 * done)
            expected = (1 - own) * expected + own * elapsed / done
        return expected * (1 - done)

    def _total(
        self, connection: Connection, kind: Kind, parameters: Mapping[str, Any], work_seconds: float | None
    ) -> float:
        preset = _group(self._settings, kind, parameters)
        pace = self._paces(connection, kind).get(preset, _FIRST_GUESS[kind, preset])
        return pace * (work_seconds or _USUAL_WORK[kind])

    def _paces(self, connection: Connection, kind: Kind) -> dict[str | None, float]:
        """Median seconds of work for a second of sound by preset, looked up anew every few seconds."""
        now = time.monotonic()
        with self._lock:
            looked_up, paces = self._learned.get(kind, (-math.inf, {}))
        if now - looked_up < _REMEMBER_SECONDS:
            return paces
        paces = self._learn(connection, kind)
        with self._lock:
            self._learned[kind] = now, paces
        return paces

    def _learn(self, connection: Connection, kind: Kind) -> dict[str | None, float]:
        recent = (
            select(jobs.c.parameters, jobs.c.work_seconds, jobs.c.attempt_at, jobs.c.finished_at)
            .where(jobs.c.kind == kind, jobs.c.state == "completed", jobs.c.work_seconds > 0)
            .where(jobs.c.attempt == 1)  # a later attempt found much of the work done
            .order_by(jobs.c.finished_at.desc())
            .limit(_LEARN_FROM)
        )
        paces: dict[str | None, list[float]] = {}
        for parameters, work_seconds, began, ended in connection.execute(recent):
            seen = paces.setdefault(_group(self._settings, kind, parameters), [])
            if ended > began and len(seen) < _PER_GROUP:  # a clock that was set back tells nothing
                seen.append((ended - began) / work_seconds)
        return {preset: statistics.median(seen) for preset, seen in paces.items() if seen}


def _waiting(connection: Connection, lane: Lane) -> list[str]:
    return list(connection.scalars(waiting_in_order(lane)))


def _group(settings: Settings, kind: Kind, parameters: Mapping[str, Any]) -> str | None:
    """What parts jobs of one kind by their pace: a conversion's preset."""
    if kind != "conversion":
        return None
    return str(parameters.get("preset") or settings.quality.default_preset)
