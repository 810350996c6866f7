"""Nothing stays lying: jobs of silent workers wait again, streams nobody hears end, waiting jobs are announced."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, exists, or_, select, update

from auto_voice.database.tables import jobs
from auto_voice.jobs import attempts
from auto_voice.jobs.job import LANES, Lane
from auto_voice.jobs.store import JobStore
from auto_voice.monitoring import metrics


def recover(store: JobStore) -> None:
    """Put right what crashed processes left. Any number of processes may do it at the same time, every few seconds:
    where nothing is wrong it only reads.

    Raises:
        StorageError: the database or the queue cannot be used.
    """
    with store.database.read() as connection:
        silent = _any(connection, _silent(store))
        unheard = _any(connection, _unheard(store))
    if silent:
        store.take_back(_silent(store), "lease_expired")
    if unheard:
        with store.database.write() as connection:
            ended = {"state": "cancelled", "finished_at": store.clock()}
            change = update(jobs).where(_unheard(store)).values(**attempts.IDLE, **ended).returning(jobs.c.kind)
            kinds = connection.execute(change).scalars().all()
        for kind in kinds:
            metrics.job_ended(kind, "cancelled")
    for lane in dict.fromkeys(LANES.values()):
        _announce(store, lane)


def _silent(store: JobStore) -> ColumnElement[bool]:
    """Running jobs whose lease has run out, or ends so far ahead that the clock must have gone back since."""
    now, lease = store.clock(), store.settings.jobs.lease_seconds
    until = jobs.c.lease_until
    return (jobs.c.state == "processing") & or_(until.is_(None), until < now, until > now + 2 * lease)


def _unheard(store: JobStore) -> ColumnElement[bool]:
    """Streams whose listener has gone."""
    return jobs.c.state.in_(("queued", "processing")) & (jobs.c.listener_until < store.clock())


def _any(connection: Connection, which: ColumnElement[bool]) -> bool:
    return bool(connection.execute(select(exists().where(which))).scalar())


def _announce(store: JobStore, lane: Lane) -> None:
    """Announce the lane's waiting jobs that have no message: it was lost, or taken by a worker that could not claim."""
    with store.database.read() as connection:
        queued = (jobs.c.state == "queued") & (jobs.c.lane == lane)
        waiting = connection.execute(select(jobs.c.job_id, jobs.c.priority).where(queued)).all()
    announced = set(store.queue.waiting(lane)) if waiting else set()
    for job_id, priority in waiting:
        if job_id not in announced:
            store.announce(job_id, lane, priority)
