"""`/metrics` shows what was counted and what the database says, on the main port and on one of its own."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.jobs.job import NewJob
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.web import facts
from auto_voice.web.app import create_app
from auto_voice.web.metrics import serve_metrics_port
from auto_voice.web.services import Services

RUNBOOK = {
    "autovoice_tts_requests_total": "counter",
    "autovoice_vc_requests_total": "counter",
    "autovoice_tts_duration_seconds": "histogram",
    "autovoice_vc_duration_seconds": "histogram",
    "autovoice_gpu_memory_used_bytes": "gauge",
    "autovoice_active_conversions": "gauge",
}


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(facts, "FRESH_SECONDS", 0.0)
    return create_app(settings).test_client()


def services_of(client: FlaskClient) -> Services:
    found: Services = client.application.extensions["auto_voice"]
    return found


def values(text: str) -> dict[str, float]:
    """Every sample, as `name{label,label}`."""
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_runbooks_metrics_are_there_before_anything_happened(client: FlaskClient) -> None:
    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    types = dict(line.split()[2:4] for line in answer.text.splitlines() if line.startswith("# TYPE"))
    assert {name: types.get(name) for name in RUNBOOK} == RUNBOOK


def test_the_databases_facts(client: FlaskClient) -> None:
    here = services_of(client)
    gpu = {"name": "a GPU", "memory_allocated_bytes": 5, "memory_reserved_bytes": 7}
    WorkerRegistry(here.database).hello("one", state="ready", details={"gpu": gpu})
    WorkerRegistry(here.database).hello("two", state="draining", details={"gpu": gpu})
    for kind in ("conversion", "speech", "stream"):
        here.jobs.create(NewJob(kind=kind, owner="default", parameters={}))  # type: ignore[arg-type]
    here.jobs.claim("one", "batch")
    found = values(client.get("/metrics").text)

    assert found["autovoice_active_conversions{}"] == 1
    assert found["autovoice_queue_depth{batch}"] == 1
    assert found["autovoice_queue_depth{interactive}"] == 1
    assert found["autovoice_running_jobs{batch}"] == 1
    assert found["autovoice_workers{ready}"] == 1
    assert found["autovoice_workers{draining}"] == 1
    assert found["autovoice_gpu_memory_used_bytes{}"] == 14
    assert found["autovoice_disk_free_bytes{}"] > 0
    assert found["autovoice_database_up{}"] == 1


def test_requests_are_counted_by_route_never_by_path(client: FlaskClient) -> None:
    client.get("/ready")
    client.get("/no/such/page")
    text = client.get("/metrics").text

    assert values(text)["autovoice_http_requests_total{/ready,200}"] >= 1
    assert "/no/such" not in text


def test_without_its_database_the_counts_are_still_shown(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def broken() -> Iterator[None]:
        raise StorageError("gone")
        yield

    monkeypatch.setattr(services_of(client).database, "write", broken)
    found = values(client.get("/metrics").text)

    assert found["autovoice_database_up{}"] == 0
    assert "autovoice_active_conversions{}" not in found
    assert "autovoice_vc_requests_total{completed}" in found


def test_switched_off_it_is_not_there(settings: Settings) -> None:
    off = settings.monitoring.model_copy(update={"prometheus_enabled": False})
    client = create_app(settings.model_copy(update={"monitoring": off})).test_client()
    assert client.get("/metrics").status_code == 404


def test_a_port_of_its_own(settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = settings.monitoring.model_copy(update={"prometheus_port": port})
    thread = serve_metrics_port(create_app(settings.model_copy(update={"monitoring": own})))
    assert thread is not None
    thread.join(10)

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert "autovoice_active_conversions{}" in values(answer.read().decode())


def test_no_port_no_thread(client: FlaskClient) -> None:
    assert serve_metrics_port(client.application) is None
