"""`/health` says how the service is, in the runbook's words, and never keeps anybody waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.jobs.job import NewJob
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.web import facts, health
from auto_voice.web.app import create_app
from auto_voice.web.services import Services

GPU = {"name": "a GPU", "memory_allocated_bytes": 1 << 30, "memory_reserved_bytes": 3 << 30}


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(facts, "FRESH_SECONDS", 0.0)
    return create_app(settings).test_client()


def services_of(client: FlaskClient) -> Services:
    found: Services = client.application.extensions["auto_voice"]
    return found


def add_worker(client: FlaskClient, **details: Any) -> None:
    WorkerRegistry(services_of(client).database).hello("worker-1", state="ready", details=details)


def asked(client: FlaskClient, path: str = "/health") -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200
    document: dict[str, Any] = answer.get_json()
    return document


def test_healthy_with_a_worker_on_the_processor(client: FlaskClient) -> None:
    add_worker(client, models=["kokoro-82m"])
    found = asked(client)

    assert (found["status"], found["problems"]) == ("healthy", [])
    assert found["gpu"] == {
        "available": False,
        "device_count": 0,
        "memory_allocated_gb": None,
        "memory_reserved_gb": None,
    }
    assert found["models"] == {"tts_loaded": True, "vc_loaded": False, "loaded": ["kokoro-82m"]}
    assert found["storage"]["free_gb"] > 0
    assert found["workers"] == {"alive": 1, "ready": 1}
    assert found["queue"] == {"waiting": 0, "running": 0, "capacity": 100}


def test_the_fields_of_the_older_api_stand_beside(client: FlaskClient) -> None:
    add_worker(client, gpu=GPU, models=["whisper-base"])
    found = asked(client, "/api/v1/health")

    assert (found["gpu_available"], found["model_loaded"], found["service"]) == (True, True, "autovoice")
    assert found["gpu"]["memory_allocated_gb"] == 1.0
    assert found["gpu"]["memory_reserved_gb"] == 3.0
    assert found["models"]["vc_loaded"] is True
    assert found["timestamp"].endswith("Z") or "+00:00" in found["timestamp"]
    assert found["dependencies"] == {"database": "ok", "workers": "ok"}


def test_degraded_without_a_worker(client: FlaskClient) -> None:
    found = asked(client)
    assert found["status"] == "degraded"
    assert found["problems"] == ["No worker is alive: jobs wait."]
    assert found["dependencies"]["workers"] == "missing"


def test_degraded_when_the_queue_is_full(client: FlaskClient) -> None:
    add_worker(client)
    here = services_of(client)
    for _ in range(here.settings.limits.max_queue_size):
        here.jobs.create(NewJob(kind="speech", owner="default", parameters={}))
    assert asked(client)["problems"] == ["The queue is full: new conversions are refused."]


def test_degraded_when_the_disk_is_almost_full(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    add_worker(client)
    monkeypatch.setattr(health, "LOW_DISK_BYTES", 1 << 62)
    assert asked(client)["problems"] == ["The disk is almost full."]


def test_degraded_when_the_gpu_is_lost(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    wanting = settings.model_copy(update={"gpu": settings.gpu.model_copy(update={"device": "cuda"})})
    client = create_app(wanting).test_client()
    add_worker(client)
    assert asked(client)["problems"] == ["The GPU is lost: work goes on without it, slowly."]


def test_unhealthy_without_its_database(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def broken() -> Iterator[None]:
        raise StorageError("the database cannot be used: /secret/place")
        yield

    monkeypatch.setattr(services_of(client).database, "write", broken)
    answer = client.get("/health")

    assert answer.status_code == 503
    assert answer.get_json()["status"] == "unhealthy"
    assert "/secret/place" not in answer.text, "strangers read this page"
    assert client.get("/ready").status_code == 503


def test_a_database_that_gives_no_answer_is_not_waited_for(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    @contextmanager
    def hanging() -> Iterator[None]:
        answered.wait(30)
        yield

    monkeypatch.setattr(facts, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(services_of(client).database, "write", hanging)
    begun = time.perf_counter()
    statuses = [client.get("/health").status_code for _ in range(20)]
    taken = time.perf_counter() - begun
    answered.set()

    assert statuses == [503] * 20
    assert taken < 2.0, "only the first one waits out the patience"


def test_ready_needs_no_worker(client: FlaskClient) -> None:
    assert asked(client, "/ready") == {"ready": True}


def test_many_who_ask_share_one_look(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "FRESH_SECONDS", 60.0)
    looks = []
    look = facts.FactWatch._see
    monkeypatch.setattr(facts.FactWatch, "_see", lambda self: looks.append(1) or look(self))
    for _ in range(50):
        asked(client)
    assert len(looks) == 1
