"""The counts have the runbook's names, labels and buckets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from auto_voice.monitoring import metrics
from auto_voice.monitoring.metrics import Metrics


@pytest.fixture
def value(monkeypatch: pytest.MonkeyPatch) -> Callable[..., float | None]:
    """A sample's value in a registry of the test's own."""
    registry = CollectorRegistry()
    fresh = Metrics(registry)
    monkeypatch.setattr(metrics, "metrics", lambda: fresh)
    return lambda name, **labels: registry.get_sample_value(name, labels)


def test_the_runbooks_buckets() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    text = generate_latest(registry).decode()
    for name, bounds in {
        "tts": (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
        "vc": (5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
    }.items():
        lines = [line for line in text.splitlines() if line.startswith(f"autovoice_{name}_duration_seconds_bucket")]
        assert [line.split('"')[1] for line in lines] == [*map(str, bounds), "+Inf"]


def test_a_completed_conversion_is_counted_and_timed(value: Callable[..., float | None]) -> None:
    metrics.job_ended("conversion", "completed", 42.0, {"audio_mixing": 1.5, "unknown": 1.0})

    assert value("autovoice_vc_requests_total", status="completed") == 1
    assert value("autovoice_vc_duration_seconds_sum") == 42.0
    assert value("autovoice_stage_duration_seconds_sum", stage="audio_mixing") == 1.5
    assert value("autovoice_stage_duration_seconds_count", stage="unknown") is None
    assert value("autovoice_tts_requests_total", status="completed") == 0


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_did_not_end_well_is_counted_but_not_timed(value: Callable[..., float | None], state: str) -> None:
    metrics.job_ended("stream", state, 3.0)

    assert value("autovoice_tts_requests_total", status=state) == 1
    assert value("autovoice_jobs_total", kind="stream", status=state) == 1
    assert value("autovoice_tts_duration_seconds_count") == 0


def test_a_clone_is_neither_speech_nor_conversion(value: Callable[..., float | None]) -> None:
    metrics.job_ended("clone", "completed", 3.0)

    assert value("autovoice_jobs_total", kind="clone", status="completed") == 1
    assert value("autovoice_vc_requests_total", status="completed") == 0
    assert value("autovoice_tts_requests_total", status="completed") == 0


def test_cache_lookups_by_kind(value: Callable[..., float | None]) -> None:
    metrics.cache_looked_up("pitch", True)
    metrics.cache_looked_up("pitch", False)
    metrics.cache_looked_up("pitch", False)

    assert value("autovoice_cache_hits_total", kind="pitch") == 1
    assert value("autovoice_cache_misses_total", kind="pitch") == 2


def test_sockets_come_go_and_fail(value: Callable[..., float | None]) -> None:
    metrics.socket_opened()
    metrics.socket_opened()
    metrics.socket_closed()
    metrics.socket_failed("full")

    assert value("autovoice_websocket_connections") == 1
    assert value("autovoice_websocket_failures_total", reason="full") == 1


def test_lost_attempts_and_answers(value: Callable[..., float | None]) -> None:
    metrics.job_lost("speech")
    metrics.http_answered("health.health", 200, 0.02)

    assert value("autovoice_job_losses_total", kind="speech") == 1
    assert value("autovoice_http_requests_total", endpoint="health.health", status="200") == 1
    assert value("autovoice_http_request_duration_seconds_bucket", endpoint="health.health", le="0.05") == 1
