"""Rows of the table `jobs`: read, counted, and changed one writer at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select, text

from auto_voice.database.tables import jobs
from auto_voice.errors import ConversionNotFoundError
from auto_voice.jobs.job import Job, Lane, State

_LOCK = 0x4156_4A4F
"""Names our advisory lock in PostgreSQL."""


def one_at_a_time(connection: Connection) -> None:
    """Let the other writers that call this wait until this transaction ends.

    For what is decided by counting rows (limits, whose turn it is). SQLite's writers wait for each other anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def as_job(row: RowMapping) -> Job:
    """The row as a `Job`."""
    return Job(**row)


def find(connection: Connection, job_id: str, owner: str | None = None) -> Job:
    """The job, whosoever it is where `owner` is not given.

    Raises:
        ConversionNotFoundError: there is none, or it is another owner's.
    """
    query = filtered(select(jobs).where(jobs.c.job_id == job_id), owner=owner)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise ConversionNotFoundError
    return as_job(row)


def filtered(
    query: Select[Any], *, owner: str | None = None, kinds: Iterable[str] = (), states: Iterable[str] = ()
) -> Select[Any]:
    """The query narrowed to an owner, kinds and states; what is not given does not narrow it."""
    if owner is not None:
        query = query.where(jobs.c.owner == owner)
    if kinds := tuple(kinds):
        query = query.where(jobs.c.kind.in_(kinds))
    if states := tuple(states):
        query = query.where(jobs.c.state.in_(states))
    return query


def count(connection: Connection, lane: Lane, *states: State) -> int:
    """How many jobs of the lane are in one of the states."""
    query = select(func.count()).where(jobs.c.lane == lane, jobs.c.state.in_(states))
    return connection.execute(query).scalar_one()
