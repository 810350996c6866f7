"""Job stores for tests: a clock that stands still, and jobs in a few words."""

from __future__ import annotations

from typing import Any

from auto_voice.jobs.job import Job, NewJob
from auto_voice.jobs.store import JobStore

NOON = 1_800_000_000.0


class Clock:
    """Tells the time that the test has set, in epoch seconds."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


def make(store: JobStore, owner: str = "ann", **changes: Any) -> Job:
    """Take in a conversion of 10 seconds, or what `changes` make of it. A store's clock goes on a little."""
    given: dict[str, Any] = {"kind": "conversion", "parameters": {"preset": "fast"}, "work_seconds": 10.0, **changes}
    job, made = store.create(NewJob(owner=owner, **given))
    assert made
    if isinstance(store.clock, Clock):
        store.clock.forward(0.001)
    return job


def claimed(store: JobStore, worker_id: str = "worker", lane: Any = "batch") -> Job:
    """What the worker gets; there must be something."""
    job = store.claim(worker_id, lane)
    assert job is not None
    return job


def finish(store: JobStore, seconds: float, owner: str = "ann", **changes: Any) -> Job:
    """A job that was done, alone, in so many seconds."""
    made = make(store, owner, **changes)
    job = claimed(store, lane=made.lane)
    assert job.job_id == made.job_id
    assert isinstance(store.clock, Clock)
    store.clock.forward(seconds)
    store.complete(job, {"attempt": job.attempt, "files": {}})
    return store.get(job.job_id)
