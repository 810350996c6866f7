"""How workers hear of waiting jobs. The table is the truth; a message only says that there is something to do."""

from __future__ import annotations

from typing import Protocol

from auto_voice.jobs.job import Lane


class JobQueue(Protocol):
    """Carries job ids from whoever makes a job to some worker. Messages may be lost or doubled: the table decides."""

    def put(self, lane: Lane, job_id: str, priority: int = 0) -> None:
        """Announce a waiting job."""

    def take(self, lane: Lane) -> str | None:
        """The next message of that lane, taken off the queue; None where there is none."""

    def waiting(self, lane: Lane) -> list[str]:
        """The job ids announced and not taken yet."""
