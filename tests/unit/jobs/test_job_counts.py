"""Every end of a job is counted once, where it is written: what is fenced off counts nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from auto_voice.config import Settings
from auto_voice.database.schema import open_prepared
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.job import Job, Kind, NewJob
from auto_voice.jobs.recovery import recover
from auto_voice.jobs.store import JobStore
from auto_voice.monitoring import metrics
from auto_voice.monitoring.metrics import Metrics

Counted = Callable[..., float | None]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """A sample's value in a registry of the test's own."""
    registry = CollectorRegistry()
    fresh = Metrics(registry)
    monkeypatch.setattr(metrics, "metrics", lambda: fresh)
    return lambda name, **labels: registry.get_sample_value(name, labels)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(settings: Settings, clock: Clock) -> JobStore:
    return JobStore(settings, open_prepared(settings), clock=clock)


def begun(store: JobStore, kind: Kind = "conversion", worker: str = "one") -> Job:
    job, _ = store.create(NewJob(kind=kind, owner="default", parameters={}))
    claimed = store.claim(worker, job.lane)
    assert claimed is not None
    return claimed


def test_a_completed_conversion_with_its_duration_and_stages(store: JobStore, clock: Clock, counted: Counted) -> None:
    job = begun(store)
    clock.now += 12.5
    store.complete(job, {"stage_seconds": {"audio_mixing": 2.0}})

    assert counted("autovoice_vc_requests_total", status="completed") == 1
    assert counted("autovoice_vc_duration_seconds_sum") == 12.5
    assert counted("autovoice_stage_duration_seconds_sum", stage="audio_mixing") == 2.0


def test_failed_and_cancelled_speech(store: JobStore, counted: Counted) -> None:
    store.fail(begun(store, "speech"), {"code": "internal_error"})
    store.cancel(begun(store, "stream").job_id)

    assert counted("autovoice_tts_requests_total", status="failed") == 1
    assert counted("autovoice_tts_requests_total", status="cancelled") == 1


def test_an_attempt_that_was_fenced_off_counts_nothing(store: JobStore, counted: Counted) -> None:
    job = begun(store)
    store.cancel(job.job_id)
    with pytest.raises(LostJobError):
        store.complete(job, {})

    assert counted("autovoice_vc_requests_total", status="completed") == 0
    assert counted("autovoice_vc_requests_total", status="cancelled") == 1


def test_lost_attempts_and_the_job_given_up_in_the_end(store: JobStore, counted: Counted) -> None:
    begun(store)
    attempts = store.settings.jobs.max_attempts
    for number in range(attempts):
        store.lose("one")
        assert counted("autovoice_job_losses_total", kind="conversion") == number + 1
        store.claim("one", "batch")

    assert counted("autovoice_vc_requests_total", status="failed") == 1


def test_a_stream_that_nobody_hears_any_more(store: JobStore, clock: Clock, counted: Counted) -> None:
    store.create(NewJob(kind="stream", owner="default", parameters={}, listener_until=clock.now + 5))
    clock.now += 6
    recover(store)
    recover(store)

    assert counted("autovoice_tts_requests_total", status="cancelled") == 1


def test_work_given_back_is_no_end(store: JobStore, counted: Counted) -> None:
    store.release(begun(store))
    for state in ("completed", "failed", "cancelled"):
        assert counted("autovoice_vc_requests_total", status=state) == 0
    assert counted("autovoice_job_losses_total", kind="conversion") == 0
