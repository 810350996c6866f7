"""Which processes there are, and what each gets of the machine."""

from __future__ import annotations

import os

import pytest

from auto_voice.config import Settings
from auto_voice.supervisor import plan
from auto_voice.supervisor.plan import visible_gpus, web_plan, worker_plans


def with_threads(settings: Settings, number: int, device: str = "cpu") -> Settings:
    limits = settings.limits.model_copy(update={"worker_threads": number})
    gpu = settings.gpu.model_copy(update={"device": device})
    return settings.model_copy(update={"limits": limits, "gpu": gpu})


def test_on_the_processor_workers_share_the_cores(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    plans = worker_plans(with_threads(settings, 3), {"PATH": "/bin"})
    assert [each.name for each in plans] == ["worker 1", "worker 2", "worker 3"]
    assert all(each.environment == {"PATH": "/bin", "OMP_NUM_THREADS": "2"} for each in plans)
    assert all(each.is_worker for each in plans)


def test_threads_that_the_operator_chose_stay(settings: Settings) -> None:
    (only,) = worker_plans(with_threads(settings, 1), {"OMP_NUM_THREADS": "7"})
    assert only.environment["OMP_NUM_THREADS"] == "7"


def test_each_gpu_has_a_worker_that_sees_no_other(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "visible_gpus", lambda *_: ["0", "GPU-5ee1"])
    plans = worker_plans(with_threads(settings, 9, "cuda"), {})
    assert [each.environment["CUDA_VISIBLE_DEVICES"] for each in plans] == ["0", "GPU-5ee1"]
    assert {each.environment["AUTOVOICE__GPU__DEVICE_ID"] for each in plans} == {"0"}


def test_a_number_that_was_asked_for_wins(settings: Settings) -> None:
    assert len(worker_plans(with_threads(settings, 1), {}, count=2)) == 2


def test_models_on_the_processor_need_no_gpu(settings: Settings) -> None:
    assert visible_gpus(with_threads(settings, 1, "cpu"), {}) == []


def test_the_web_server_is_no_worker() -> None:
    assert not web_plan({}).is_worker


def test_gpus_are_those_that_the_operator_shows(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_has_driver", lambda: True)
    monkeypatch.setattr(plan, "_COUNT_GPUS", "print(2)")
    wanted = with_threads(settings, 1, "auto")
    assert visible_gpus(wanted, {}) == ["0", "1"]
    assert visible_gpus(wanted, {"CUDA_VISIBLE_DEVICES": "4,7"}) == ["4", "7"]


def test_gpus_that_cannot_be_counted_are_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plan, "_has_driver", lambda: True)
    monkeypatch.setattr(plan, "_COUNT_GPUS", "raise SystemExit(1)")
    assert visible_gpus(with_threads(settings, 1, "cuda"), {}) == []
    assert "could not be counted" in caplog.text
