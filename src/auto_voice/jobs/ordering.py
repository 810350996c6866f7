"""In which order jobs are claimed, as one SQL query (window functions: SQLite 3.35 and newer, PostgreSQL)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

from auto_voice.database.tables import jobs
from auto_voice.jobs.job import Lane


def waiting_in_order(lane: Lane) -> Select[str]:
    """The ids of the lane's waiting jobs, the one to be claimed next first.

    Priority decides first. Then the owners' turns: an owner's n-th job competes with the others' n-th, and those
    that run count as turns taken. Among equal turns the owner served least recently goes first, so that a single
    worker goes round, too; then the oldest job. One who hands in a hundred jobs delays nobody's first one.
    """
    nth = func.row_number().over(
        partition_by=jobs.c.owner, order_by=(jobs.c.priority.desc(), jobs.c.created_at, jobs.c.job_id)
    )
    waiting = (
        select(jobs.c.job_id, jobs.c.owner, jobs.c.priority, jobs.c.created_at, nth.label("nth"))
        .where(jobs.c.state == "queued", jobs.c.lane == lane)
        .subquery("waiting")
    )
    running = (
        select(jobs.c.owner, func.count().label("count"))
        .where(jobs.c.state == "processing", jobs.c.lane == lane)
        .group_by(jobs.c.owner)
        .subquery("running")
    )
    served: Any = (
        select(func.max(jobs.c.attempt_at))
        .where(jobs.c.owner == waiting.c.owner, jobs.c.lane == lane)
        .scalar_subquery()
    )
    return (
        select(waiting.c.job_id)
        .select_from(waiting.outerjoin(running, waiting.c.owner == running.c.owner))
        .order_by(
            waiting.c.priority.desc(),
            waiting.c.nth + func.coalesce(running.c.count, 0),
            func.coalesce(served, 0),
            waiting.c.created_at,
            waiting.c.job_id,
        )
    )
