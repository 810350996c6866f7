"""Who is there to do the work."""

from __future__ import annotations

import os

import pytest

from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.jobs.workers import WorkerRegistry, places, silence_seconds
from job_stores import NOON, Clock


@pytest.fixture
def registry(database: Database, clock: Clock) -> WorkerRegistry:
    return WorkerRegistry(database, clock)


def test_a_worker_says_hello_beats_and_goes(registry: WorkerRegistry, clock: Clock) -> None:
    registry.hello("one", details={"device": "cpu"})
    (worker,) = registry.alive(60)
    assert (worker.worker_id, worker.state, worker.process_id) == ("one", "starting", os.getpid())
    assert (worker.started_at, worker.seen_at, worker.details) == (NOON, NOON, {"device": "cpu"})
    clock.forward(50)
    registry.beat("one", "ready", {"device": "cuda:0"})
    (worker,) = registry.alive(60)
    assert (worker.started_at, worker.seen_at, worker.state) == (NOON, NOON + 50, "ready")
    assert worker.details == {"device": "cuda:0"}
    registry.gone("one")
    assert registry.alive(60) == []


def test_silence_is_death_until_it_is_heard_of_again(registry: WorkerRegistry, clock: Clock) -> None:
    registry.hello("one", process_id=7)
    clock.forward(61)
    assert registry.alive(60) == []
    registry.beat("one", "ready", {})
    assert [worker.worker_id for worker in registry.alive(60)] == ["one"]


def test_a_worker_seen_in_the_future_is_dead(registry: WorkerRegistry, clock: Clock) -> None:
    registry.hello("one")
    clock.forward(-3600)
    assert registry.alive(60) == []


def test_a_worker_that_was_forgotten_is_entered_again(registry: WorkerRegistry) -> None:
    registry.beat("one", "ready", {"device": "cpu"})
    assert [(worker.worker_id, worker.state) for worker in registry.alive(60)] == [("one", "ready")]


def test_a_second_hello_replaces_the_first(registry: WorkerRegistry, clock: Clock) -> None:
    registry.hello("one")
    clock.forward(1)
    registry.hello("one")
    assert [worker.started_at for worker in registry.alive(60)] == [NOON + 1]


def test_the_newest_workers_voices_are_offered(registry: WorkerRegistry, clock: Clock) -> None:
    assert registry.voices() == []
    for worker, voices in (("old", [{"id": "a"}]), ("new", [{"id": "b"}]), ("without", [])):
        registry.hello(worker, details={"voices": voices})
        clock.forward(1)
    assert registry.voices() == [{"id": "b"}]


def test_places_are_the_living_workers_slots(
    registry: WorkerRegistry, database: Database, settings: Settings, clock: Clock
) -> None:
    def count(lane: str) -> int:
        with database.read() as connection:
            return places(connection, settings, lane, clock())  # type: ignore[arg-type]

    assert (count("batch"), count("interactive")) == (1, 2)  # one will start
    for number in range(7):
        registry.hello(f"worker-{number}", state="ready")
    assert (count("batch"), count("interactive")) == (settings.limits.concurrent_conversions, 14)
    for number in range(4):
        registry.beat(f"worker-{number}", "draining", {})
    assert (count("batch"), count("interactive")) == (3, 6)
    clock.forward(silence_seconds(settings) + 1)
    assert (count("batch"), count("interactive")) == (1, 2)
