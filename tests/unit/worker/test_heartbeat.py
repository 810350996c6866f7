"""The pulse: what hangs is ended, what takes too long to stop is given back, an orphan stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auto_voice.config import Settings
from auto_voice.database import Database, open_database
from auto_voice.database.schema import prepare
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.worker.attempt import Attempt
from auto_voice.worker.heartbeat import STALLED_EXIT_CODE, Heartbeat
from auto_voice.worker.shift import Shift
from job_stores import claimed, make


class Pulse:
    """A heartbeat of its own, and what it did."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings, self.database = settings, database
        self.store = JobStore(settings, database)
        self.registry = WorkerRegistry(database)
        self.shift = Shift()
        self.left: list[int] = []
        self.orphan = False
        self.details: dict[str, Any] = {"models": []}

    def run_until(self, condition: Callable[[], object]) -> None:
        heartbeat = Heartbeat(
            "worker",
            self.settings,
            store=self.store,
            workers=self.registry,
            shift=self.shift,
            details=lambda: self.details,
            parent_gone=lambda: self.orphan,
            leave=self.left.append,
        )
        heartbeat.start()
        try:
            deadline = time.monotonic() + 10
            while not condition():
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            heartbeat.stop()


def changed(settings: Settings, section: str, **values: object) -> Settings:
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=values)})


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    prepare(database)
    yield database
    database.dispose()


def test_a_worker_shows_that_it_lives_and_what_it_holds(settings: Settings, database: Database) -> None:
    pulse = Pulse(settings, database)
    pulse.registry.hello("worker")
    pulse.run_until(lambda: pulse.registry.alive(60)[0].state == "ready")

    pulse.details = {"models": ["kokoro"]}
    pulse.run_until(lambda: pulse.registry.alive(60)[0].details == {"models": ["kokoro"]})

    pulse.shift.drain()
    pulse.run_until(lambda: pulse.registry.alive(60)[0].state == "draining")


def test_a_stage_that_hangs_ends_the_worker(settings: Settings, database: Database) -> None:
    pulse = Pulse(changed(settings, "jobs", stall_seconds=0.2), database)
    make(pulse.store)
    with pulse.shift.busy_with(Attempt(claimed(pulse.store), pulse.store, pulse.shift)):
        pulse.run_until(lambda: pulse.left)
    assert pulse.left[0] == STALLED_EXIT_CODE


def test_a_stage_that_outlasts_the_time_to_stop_is_given_back(settings: Settings, database: Database) -> None:
    pulse = Pulse(changed(settings, "server", shutdown_timeout=1), database)
    job = make(pulse.store)
    with pulse.shift.busy_with(Attempt(claimed(pulse.store), pulse.store, pulse.shift)):
        pulse.shift.drain()
        pulse.run_until(lambda: pulse.left)

    row = pulse.store.get(job.job_id)
    assert pulse.left[0] == 0
    assert (row.state, row.losses) == ("queued", 0)


def test_an_orphan_stops(settings: Settings, database: Database) -> None:
    pulse = Pulse(settings, database)
    pulse.orphan = True
    pulse.run_until(lambda: pulse.shift.drain_seconds is not None)


def test_news_of_a_cancelled_job_arrive_without_progress(settings: Settings, database: Database) -> None:
    pulse = Pulse(settings, database)
    job = make(pulse.store)
    attempt = Attempt(claimed(pulse.store), pulse.store, pulse.shift)
    with pulse.shift.busy_with(attempt):
        pulse.store.cancel(job.job_id)
        pulse.run_until(lambda: attempt.lost)
