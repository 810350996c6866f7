"""An attempt at a job: claimed, kept alive, ended. Every write after the claim is fenced by the attempt's number."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection, func, select, update

from auto_voice.config import Settings
from auto_voice.database.tables import jobs
from auto_voice.jobs import rows
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.job import Job, Lane, State
from auto_voice.jobs.ordering import waiting_in_order

Reason = Literal["worker_died", "lease_expired"]
"""How an attempt was lost."""

IDLE: dict[str, Any] = {"worker_id": None, "lease_until": None}
"""What a job's row says of its worker when it has none."""

WAITING_AGAIN: dict[str, Any] = {**IDLE, "state": "queued", "progress": 0.0, "stage": None}
"""What a row says when its job goes back to the queue; `queued_at` stands beside it."""


def may_claim(connection: Connection, settings: Settings, lane: Lane) -> bool:
    """Whether a job waits in the lane and may run, with `limits.concurrent_conversions` over all workers."""
    if not rows.count(connection, lane, "queued"):
        return False
    return lane == "interactive" or rows.count(connection, lane, "processing") < settings.limits.concurrent_conversions


def claim(connection: Connection, lane: Lane, worker_id: str, now: float, lease_until: float) -> Job | None:
    """Give the worker the job whose turn it is; None where none waits."""
    next_one = waiting_in_order(lane).limit(1).scalar_subquery()
    row = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == next_one, jobs.c.state == "queued")
        .values(
            state="processing",
            progress=0.0,
            stage=None,
            attempt=jobs.c.attempt + 1,
            worker_id=worker_id,
            lease_until=lease_until,
            started_at=func.coalesce(jobs.c.started_at, now),
            attempt_at=now,
        )
        .returning(jobs)
    )
    found = row.mappings().first()
    return None if found is None else rows.as_job(found)


def write(connection: Connection, job: Job, **values: Any) -> None:
    """Change the row of a job that is still this attempt's.

    Raises:
        LostJobError: it is not: cancelled, or given to another.
    """
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job.job_id, jobs.c.attempt == job.attempt, jobs.c.state == "processing")
        .values(**values)
    ).rowcount
    if not changed:
        state = connection.execute(select(jobs.c.state).where(jobs.c.job_id == job.job_id)).scalar()
        raise LostJobError(job.job_id, job.attempt, cancelled=state == "cancelled")


def lose(connection: Connection, settings: Settings, job: Job, now: float, reason: Reason) -> State | None:
    """Note that the attempt's worker is lost: the job waits again, or has failed where it lost too many.

    Args:
        connection: writing.
        settings: `jobs.max_attempts`.
        job: as it was read a moment ago; where its attempt has ended since, nothing is changed.
        now: epoch seconds.
        reason: for the history.

    Returns:
        The job's new state, "queued" or "failed"; None where nothing was changed.
    """
    losses = job.losses + 1
    entry = {
        "attempt": job.attempt,
        "worker_id": job.worker_id,
        "stage": job.stage,
        "progress": job.progress,
        "began_at": job.attempt_at,
        "lost_at": now,
        "reason": reason,
    }
    values = {"losses": losses, "history": [*job.history, entry]}
    again = losses < settings.jobs.max_attempts
    if again:
        values |= {**WAITING_AGAIN, "queued_at": now}
    else:
        values |= {**IDLE, "state": "failed", "finished_at": now, "error": _given_up(job, losses)}
    try:
        write(connection, job, **values)
    except LostJobError:
        return None
    return "queued" if again else "failed"


def _given_up(job: Job, losses: int) -> dict[str, Any]:
    where = f", the last time at {job.stage}" if job.stage else ""
    return {
        "code": "internal_error",
        "message": f"Given up: {losses} workers were lost over this job{where}.",
        "details": {"suggestions": ["Try again with a shorter file or a lower preset; the log says more."]},
    }
