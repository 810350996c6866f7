"""What may come in: a job once for each idempotency key, and no more than can wait."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from auto_voice.config import Settings
from auto_voice.database.tables import idempotency_keys, jobs
from auto_voice.errors import ConflictError, InvalidParametersError
from auto_voice.jobs import rows
from auto_voice.jobs.job import LANES, Job, Lane, NewJob
from auto_voice.jobs.workers import places

IDEMPOTENCY_SECONDS = 24 * 3600.0
"""How long an `Idempotency-Key` is remembered."""

_LONGEST_KEY = 255
_MOST_WAITING_LISTENERS = 200
"""Interactive jobs that may wait. Their clients hold a request open, so there are never as many in earnest."""


def made_before(connection: Connection, owner: str, key: str, body_sha256: str, now: float) -> Job | None:
    """The job that the owner has made with this key; None where the key is new or older than a day.

    Raises:
        ConflictError: the key was used for another request.
        InvalidParametersError: the key is empty or too long.
    """
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise InvalidParametersError(f"an Idempotency-Key has 1 to {_LONGEST_KEY} characters")
    mine = (idempotency_keys.c.owner == owner) & (idempotency_keys.c.key == key)
    known = connection.execute(select(idempotency_keys).where(mine)).mappings().first()
    if known is None:
        return None
    row = connection.execute(select(jobs).where(jobs.c.job_id == known["job_id"])).mappings().first()
    if row is None or abs(now - known["created_at"]) > IDEMPOTENCY_SECONDS:
        connection.execute(delete(idempotency_keys).where(mine))
        return None
    if known["body_sha256"] != body_sha256:
        raise ConflictError(
            "This Idempotency-Key was used for another request.", suggestions=["Use a new key for a new request."]
        )
    return rows.as_job(row)


def remember(connection: Connection, job: Job, key: str, body_sha256: str) -> None:
    """Note which job the key has made."""
    connection.execute(
        insert(idempotency_keys).values(
            owner=job.owner, key=key, body_sha256=body_sha256, job_id=job.job_id, created_at=job.created_at
        )
    )


def has_room(connection: Connection, settings: Settings, lane: Lane, now: float) -> bool:
    """Whether one more job of the lane may come in, by `limits.queue_enabled` and `limits.max_queue_size`."""
    waiting = rows.count(connection, lane, "queued")
    if lane == "interactive":
        return waiting < _MOST_WAITING_LISTENERS
    if not settings.limits.queue_enabled:
        return waiting + rows.count(connection, lane, "processing") < places(connection, settings, lane, now)
    return waiting < settings.limits.max_queue_size


def admit(connection: Connection, new: NewJob, now: float) -> Job:
    """Write the new job's row; it waits."""
    job = Job(
        job_id=new.job_id,
        kind=new.kind,
        lane=LANES[new.kind],
        owner=new.owner,
        priority=new.priority,
        state="queued",
        progress=0.0,
        stage=None,
        parameters=new.parameters,
        input_hash=new.input_hash,
        profile_id=new.profile_id,
        work_seconds=new.work_seconds,
        attempt=0,
        losses=0,
        worker_id=None,
        lease_until=None,
        listener_until=new.listener_until,
        error=None,
        result=None,
        history=[],
        request_id=new.request_id,
        created_at=now,
        queued_at=now,
        started_at=None,
        attempt_at=None,
        finished_at=None,
        files_expired=False,
    )
    connection.execute(insert(jobs).values(vars(job)))
    return job
