"""How long it takes is learned from what was done, and said honestly to those who wait."""

from __future__ import annotations

import pytest

from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.jobs.estimates import Estimates
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from job_stores import Clock, claimed, finish, make


@pytest.fixture
def estimates(store: JobStore, settings: Settings, database: Database, clock: Clock) -> Estimates:
    return Estimates(database, settings, clock)


def test_before_anything_was_done_there_is_a_guess(estimates: Estimates) -> None:
    fast = estimates.total_seconds("conversion", {"preset": "fast"}, 60.0)
    best = estimates.total_seconds("conversion", {"preset": "quality"}, 60.0)
    assert 0 < fast < best
    assert estimates.total_seconds("conversion", {"preset": "fast"}, 120.0) == pytest.approx(2 * fast)
    assert estimates.total_seconds("conversion", {}, None) > 0
    for kind in ("speech", "stream", "clone", "adaptation", "analysis"):
        assert estimates.total_seconds(kind, {}, None) > 0  # type: ignore[arg-type]


def test_the_pace_is_the_median_of_jobs_of_that_kind_and_preset(store: JobStore, estimates: Estimates) -> None:
    for seconds in (10.0, 20.0, 900.0):
        finish(store, seconds, work_seconds=100.0)
    finish(store, 300.0, work_seconds=100.0, parameters={"preset": "quality"})
    finish(store, 5.0, work_seconds=100.0, kind="speech")
    assert estimates.total_seconds("conversion", {"preset": "fast"}, 50.0) == pytest.approx(10.0)
    assert estimates.total_seconds("conversion", {"preset": "quality"}, 50.0) == pytest.approx(150.0)
    assert estimates.total_seconds("speech", {"text": "…"}, 50.0) == pytest.approx(2.5)


def test_a_request_without_a_preset_is_judged_by_the_default_one(
    store: JobStore, estimates: Estimates, settings: Settings
) -> None:
    finish(store, 70.0, work_seconds=100.0, parameters={"preset": settings.quality.default_preset})
    assert estimates.total_seconds("conversion", {"preset": None}, 100.0) == pytest.approx(70.0)


def test_recent_jobs_count_not_those_of_long_ago(store: JobStore, estimates: Estimates) -> None:
    for _ in range(60):
        finish(store, 100.0, work_seconds=100.0)
    for _ in range(50):
        finish(store, 10.0, work_seconds=100.0)
    assert estimates.total_seconds("conversion", {"preset": "fast"}, 100.0) == pytest.approx(10.0)


def test_failed_retried_and_backward_jobs_teach_nothing(store: JobStore, estimates: Estimates, clock: Clock) -> None:
    guess = Estimates(store.database, store.settings, clock).total_seconds("conversion", {"preset": "fast"}, 10.0)
    make(store)
    failed = claimed(store)
    clock.forward(1000)
    store.fail(failed, {})
    make(store)
    store.release(claimed(store))
    retried = claimed(store)
    clock.forward(1000)
    store.complete(retried, {})
    make(store)
    job = claimed(store)
    clock.forward(-3600)
    store.complete(job, {})
    assert estimates.total_seconds("conversion", {"preset": "fast"}, 10.0) == guess


def test_what_remains_shrinks_while_a_job_runs_and_ends_at_nothing(store: JobStore, clock: Clock) -> None:
    for _ in range(3):
        finish(store, 100.0, work_seconds=100.0)
    make(store, work_seconds=100.0)
    job = claimed(store)
    remaining = [store.estimates.remaining_seconds(store.get(job.job_id))]
    for progress in (20.0, 40.0, 60.0, 80.0):
        clock.forward(20)
        store.report(job, progress, None)
        remaining.append(store.estimates.remaining_seconds(store.get(job.job_id)))
    assert remaining == pytest.approx([100, 80, 60, 40, 20])
    store.complete(job, {})
    assert store.estimates.remaining_seconds(store.get(job.job_id)) == 0


def test_a_job_slower_than_expected_is_judged_by_its_own_pace(store: JobStore, clock: Clock) -> None:
    finish(store, 10.0, work_seconds=100.0)
    make(store, work_seconds=100.0)
    job = claimed(store)
    clock.forward(300)
    store.report(job, 50.0, "voice_conversion")
    assert store.estimates.remaining_seconds(store.get(job.job_id)) == pytest.approx(300)


def test_the_wait_is_the_work_of_those_before(store: JobStore, clock: Clock) -> None:
    for _ in range(3):
        finish(store, 100.0, work_seconds=100.0)
    make(store, work_seconds=100.0)
    running = claimed(store)
    second, third = make(store, work_seconds=50.0), make(store, work_seconds=10.0)
    clock.now = running.attempt_at or 0
    estimates = store.estimates
    assert estimates.wait_seconds(store.get(running.job_id)) == 0
    assert estimates.wait_seconds(second) == pytest.approx(100)
    assert estimates.wait_seconds(third) == pytest.approx(150)
    assert estimates.wait_seconds("batch") == pytest.approx(160)
    assert estimates.remaining_seconds(third) == pytest.approx(160)
    assert estimates.wait_seconds("interactive") == 0


def test_several_workers_share_the_queue(store: JobStore, clock: Clock) -> None:
    finish(store, 100.0, work_seconds=100.0)
    for worker in ("one", "two"):
        WorkerRegistry(store.database, clock).hello(worker, state="ready")
    waiting = [make(store, work_seconds=100.0) for _ in range(5)]
    waits = [store.estimates.wait_seconds(job) for job in waiting]
    assert waits == pytest.approx([0, 0, 100, 100, 200])


def test_waiting_for_nobody_is_no_wait(store: JobStore) -> None:
    assert store.estimates.wait_seconds("batch") == 0
    assert store.estimates.next_place_seconds("batch") == 1


def test_a_position_is_only_for_those_who_wait(store: JobStore) -> None:
    first, second = make(store), make(store)
    assert store.estimates.queue_position(first) == 1
    assert store.estimates.queue_position(second) == 2
    store.cancel(first.job_id)
    assert store.estimates.queue_position(first) is None  # as it was read it waits; by the table it does not
    assert store.estimates.queue_position(store.get(first.job_id)) is None
    assert store.estimates.queue_position(second) == 1
