"""Which workers there are: each says hello, then shows every now and then that it lives."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.database.tables import workers
from auto_voice.jobs.job import Lane

WorkerState = Literal["starting", "ready", "draining"]

SLOTS: dict[Lane, int] = {"batch": 1, "interactive": 2}
"""Jobs of each lane that one worker does at the same time."""

_SHORTEST_SILENCE = 15.0
_USUAL_SILENCE = 150.0


@dataclass(frozen=True, kw_only=True)
class WorkerInfo:
    """A row of the table `workers`, as it was when it was read; times are epoch seconds."""

    worker_id: str
    host: str
    process_id: int
    started_at: float
    seen_at: float
    state: WorkerState
    details: dict[str, Any]


class WorkerRegistry:
    """The table of workers. Thread-safe. Everything raises StorageError when the database cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def hello(
        self,
        worker_id: str,
        *,
        process_id: int | None = None,
        state: WorkerState = "starting",
        details: dict[str, Any] | None = None,
    ) -> None:
        """Enter a worker of this machine, in place of an older entry of that id.

        Args:
            worker_id: unlike any other worker's.
            process_id: this process's where not given.
            state: what it does.
            details: what others may know of it: device, GPU memory, models, voices, version.
        """
        now = self._clock()
        with self._database.write() as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
            connection.execute(
                insert(workers).values(
                    worker_id=worker_id,
                    host=socket.gethostname(),
                    process_id=process_id or os.getpid(),
                    started_at=now,
                    seen_at=now,
                    state=state,
                    details=details or {},
                )
            )

    def beat(self, worker_id: str, state: WorkerState, details: dict[str, Any]) -> None:
        """Note that the worker lives. One that was removed as dead is entered again."""
        with self._database.write() as connection:
            known = connection.execute(
                update(workers)
                .where(workers.c.worker_id == worker_id)
                .values(seen_at=self._clock(), state=state, details=details)
            ).rowcount
        if not known:
            self.hello(worker_id, state=state, details=details)

    def gone(self, worker_id: str) -> None:
        """Remove a worker that has ended."""
        with self._database.write() as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))

    def alive(self, within_seconds: float = _USUAL_SILENCE) -> Sequence[WorkerInfo]:
        """The workers seen in so many seconds, the oldest first."""
        query = select(workers).where(_seen(self._clock(), within_seconds))
        with self._database.read() as connection:
            found = connection.execute(query.order_by(workers.c.started_at, workers.c.worker_id)).mappings().all()
        return [WorkerInfo(**row) for row in found]

    def voices(self, within_seconds: float = _USUAL_SILENCE) -> Sequence[dict[str, Any]]:
        """The stock voices that the living workers offer, as the newest one describes them."""
        for worker in reversed(self.alive(within_seconds)):
            if offered := worker.details.get("voices"):
                return list(offered)
        return []


def silence_seconds(settings: Settings) -> float:
    """How long a worker may be silent and still count as alive."""
    return max(_SHORTEST_SILENCE, 2.5 * settings.monitoring.health_check_interval)


def places(connection: Connection, settings: Settings, lane: Lane, now: float) -> int:
    """Jobs of the lane that can run at the same time: at least one, since a worker that is not there will be."""
    living = connection.execute(
        select(func.count()).where(_seen(now, silence_seconds(settings)), workers.c.state != "draining")
    ).scalar_one()
    slots = SLOTS[lane] * max(1, living)
    return min(slots, settings.limits.concurrent_conversions) if lane == "batch" else slots


def _seen(now: float, within_seconds: float) -> Any:
    # The distance counts: after the clock was set back, a dead worker seen "in the future" is dead all the same.
    return func.abs(workers.c.seen_at - now) <= within_seconds
