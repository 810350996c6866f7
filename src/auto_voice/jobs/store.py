"""The table of jobs, as everybody else uses it: make, claim, report, end, look up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.database.tables import jobs
from auto_voice.errors import ConflictError, QueueFullError, StorageError
from auto_voice.jobs import admission, attempts, rows, usage
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.estimates import Estimates
from auto_voice.jobs.job import LANES, Job, Kind, Lane, NewJob, State
from auto_voice.jobs.queue import HueyQueue, JobQueue
from auto_voice.monitoring import metrics

__all__ = ["JobStore", "LostJobError"]

_LOG = logging.getLogger(__name__)
_OPEN: tuple[State, ...] = ("queued", "processing")


class JobStore:
    """All jobs of the service. Safe for several threads, processes and machines on one database.

    Every method raises StorageError when the database cannot be used. Times are epoch seconds.

    Attributes:
        settings: in force.
        database: holds the table, which alone decides.
        queue: wakes workers up.
        clock: tells the time.
        estimates: how long it will take.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        queue: JobQueue | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.database = database
        self.queue: JobQueue = queue or HueyQueue(settings)
        self.clock = clock
        self.estimates = Estimates(database, settings, clock)

    def create(self, new: NewJob, *, idempotency: tuple[str, str] | None = None) -> tuple[Job, bool]:
        """Take a job in; it is on the disk when this returns.

        Args:
            new: what is asked for.
            idempotency: the client's `Idempotency-Key` and the SHA-256 of the request's body.

        Returns:
            The job, and whether it was made now: the same key and body give the job they gave before.

        Raises:
            ConflictError: the key came with another body before.
            QueueFullError: too many wait; says when a place will be free.
            InvalidParametersError: the key is empty or too long.
        """
        now = self.clock()
        lane = LANES[new.kind]
        with self.database.write() as connection:
            rows.one_at_a_time(connection)
            before = idempotency and admission.made_before(connection, new.owner, *idempotency, now)
            if before:
                return before, False
            admitted = admission.has_room(connection, self.settings, lane, now)
            if admitted:
                job = admission.admit(connection, new, now)
                if idempotency:
                    admission.remember(connection, job, *idempotency)
        if not admitted:
            raise QueueFullError(retry_after_seconds=self.estimates.next_place_seconds(lane))
        self.announce(job.job_id, job.lane, job.priority)
        return job, True

    def announce(self, job_id: str, lane: Lane, priority: int) -> None:
        """Tell the workers that the job waits. Where that fails, recovery does it again later."""
        try:
            self.queue.put(lane, job_id, priority)
        except StorageError as error:
            _LOG.warning("job %s waits, but the workers were not told yet: %s", job_id, error.message)

    def get(self, job_id: str, owner: str | None = None) -> Job:
        """One job.

        Raises:
            ConversionNotFoundError: there is none, or it is not `owner`'s.
        """
        with self.database.read() as connection:
            return rows.find(connection, job_id, owner)

    def many(self, job_ids: Iterable[str]) -> Mapping[str, Job]:
        """The jobs of these ids; what is not there is left out."""
        with self.database.read() as connection:
            found = connection.execute(select(jobs).where(jobs.c.job_id.in_(tuple(job_ids)))).mappings().all()
        return {row["job_id"]: rows.as_job(row) for row in found}

    def list(
        self,
        owner: str | None = None,
        *,
        kinds: Iterable[Kind] = (),
        states: Iterable[State] = (),
        limit: int = 20,
        offset: int = 0,
        newest_first: bool = True,
    ) -> Sequence[Job]:
        """The jobs of an owner (None: everybody's), of these kinds and states (none given: of all)."""
        query = rows.filtered(select(jobs), owner=owner, kinds=kinds, states=states)
        order = (jobs.c.created_at, jobs.c.job_id)
        query = query.order_by(*(each.desc() for each in order)) if newest_first else query.order_by(*order)
        with self.database.read() as connection:
            found = connection.execute(query.limit(limit).offset(offset)).mappings().all()
        return [rows.as_job(row) for row in found]

    def count(self, owner: str | None = None, *, kinds: Iterable[Kind] = (), states: Iterable[State] = ()) -> int:
        """How many jobs `list` gives without a limit."""
        query = rows.filtered(select(func.count()).select_from(jobs), owner=owner, kinds=kinds, states=states)
        with self.database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def claim(self, worker_id: str, lane: Lane) -> Job | None:
        """Give a worker the job whose turn it is; None where none waits or `limits.concurrent_conversions` run.

        Asking in vain only reads. A worker asks when a message came, and again whenever a job has ended.
        """
        with self.database.read() as connection:
            if not attempts.may_claim(connection, self.settings, lane):
                return None
        now = self.clock()
        with self.database.write() as connection:
            rows.one_at_a_time(connection)
            # Again where the chosen job was cancelled between the choice and the claim.
            while attempts.may_claim(connection, self.settings, lane):
                if job := attempts.claim(connection, lane, worker_id, now, now + self.settings.jobs.lease_seconds):
                    return job
        return None

    def renew(self, job: Job) -> None:
        """Say that the attempt is still at work.

        Raises:
            LostJobError: it is not this attempt's job any more; as in every method below that takes a claimed job.
        """
        self._write(job, lease_until=self.clock() + self.settings.jobs.lease_seconds)

    def report(self, job: Job, progress: float, stage: str | None) -> None:
        """Note how far the attempt has come (0-100) and in which stage it is; renews, too. Raises as `renew`."""
        lease_until = self.clock() + self.settings.jobs.lease_seconds
        self._write(job, progress=min(100.0, max(0.0, progress)), stage=stage, lease_until=lease_until)

    def complete(self, job: Job, result: dict[str, Any]) -> None:
        """End the job well. What `result` names lies on the disk by now. Raises as `renew`."""
        now = self.clock()
        with self.database.write() as connection:
            values = {"state": "completed", "progress": 100.0, "result": result, "error": None, "finished_at": now}
            attempts.write(connection, job, **attempts.IDLE, **values)
            usage.count_use(connection, job, now)
        metrics.job_ended(job.kind, "completed", now - (job.attempt_at or now), result.get("stage_seconds"))

    def fail(self, job: Job, error: dict[str, Any]) -> None:
        """End the job with an error: `code`, `message`, `details`. Raises as `renew`."""
        self._write(job, **attempts.IDLE, state="failed", error=error, finished_at=self.clock())
        metrics.job_ended(job.kind, "failed")

    def release(self, job: Job) -> None:
        """Give the job back unfinished, which is no loss: it waits again. Raises as `renew`."""
        self._write(job, **attempts.WAITING_AGAIN, queued_at=self.clock())
        self.announce(job.job_id, job.lane, job.priority)

    def cancel(self, job_id: str, owner: str | None = None) -> Job:
        """End the job at once; its worker notices when it next renews.

        Raises:
            ConversionNotFoundError: as `get`.
            ConflictError: it has ended before.
        """
        with self.database.write() as connection:
            rows.find(connection, job_id, owner)
            ended = connection.execute(
                update(jobs)
                .where(jobs.c.job_id == job_id, jobs.c.state.in_(_OPEN))
                .values(**attempts.IDLE, state="cancelled", finished_at=self.clock())
            ).rowcount
            job = rows.find(connection, job_id, owner)
        if not ended:
            raise ConflictError(f"The conversion has ended already: it is {job.state}.")
        metrics.job_ended(job.kind, "cancelled")
        return job

    def keep_listening(self, job_id: str, until: float) -> None:
        """Note that somebody listens to the stream until then at least."""
        with self.database.write() as connection:
            connection.execute(
                update(jobs).where(jobs.c.job_id == job_id, jobs.c.state.in_(_OPEN)).values(listener_until=until)
            )

    def lose(self, worker_id: str) -> Sequence[str]:
        """Take back everything from a worker that is dead. Returns the ids of the jobs that wait again."""
        return self.take_back(jobs.c.worker_id == worker_id, "worker_died")

    def take_back(self, which: ColumnElement[bool], reason: attempts.Reason) -> Sequence[str]:
        """Count the running jobs of these rows as lost by their workers. Returns the ids of those that wait again."""
        now = self.clock()
        with self.database.write() as connection:
            lost = connection.execute(select(jobs).where(jobs.c.state == "processing", which)).mappings().all()
            outcomes = [
                (job, attempts.lose(connection, self.settings, job, now, reason)) for job in map(rows.as_job, lost)
            ]
        for job, outcome in outcomes:
            if outcome is not None:
                metrics.job_lost(job.kind)
                _LOG.warning("job %s has lost worker %s (%s): %s", job.job_id, job.worker_id, reason, outcome)
            if outcome == "failed":
                metrics.job_ended(job.kind, "failed")
        again = [job for job, outcome in outcomes if outcome == "queued"]
        for job in again:
            self.announce(job.job_id, job.lane, job.priority)
        return [job.job_id for job in again]

    def usage(self, profile_id: str) -> tuple[int, float | None]:
        """Conversions made with the voice, and when it was last used; None where it never was."""
        with self.database.read() as connection:
            return usage.usage_of(connection, profile_id)

    def depth(self) -> dict[str, Any]:
        """Jobs that wait and that run: `{"queued": {lane: n}, "processing": {lane: n}, "owners": n}`."""
        per_lane = select(jobs.c.state, jobs.c.lane, func.count()).where(jobs.c.state.in_(_OPEN))
        owners = select(func.count(jobs.c.owner.distinct())).where(jobs.c.state.in_(_OPEN))
        with self.database.read() as connection:
            counted = connection.execute(per_lane.group_by(jobs.c.state, jobs.c.lane)).all()
            found: dict[str, Any] = {state: dict.fromkeys(LANES.values(), 0) for state in _OPEN}
            found["owners"] = connection.execute(owners).scalar_one()
        for state, lane, number in counted:
            found[state][lane] = number
        return found

    def _write(self, job: Job, **values: Any) -> None:
        with self.database.write() as connection:
            attempts.write(connection, job, **values)
