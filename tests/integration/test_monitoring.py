"""What a running service of several processes tells of itself: counts that survive its processes, and its log."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from auto_voice.storage.paths import Paths
from service import Service, free_port, running_service, until
from simple_engines import song, wav


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("monitoring")
    settings = {
        "server.workers": 2,
        "monitoring.prometheus_port": free_port(),
        "logging.format": "json",
        "logging.file": folder / "log" / "app.log",
    }
    with running_service(folder, settings) as started:
        yield started


def scraped(url: str) -> dict[str, float]:
    """Every sample, as `name{label,label}`."""
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in text_string_to_metric_families(requests.get(url, timeout=10).text)
        for sample in family.samples
    }


def converted(service: Service) -> str:
    """The id of a conversion that was completed just now."""
    job = service.submit_song(service.profile())
    assert service.wait_for(job.job_id).state == "completed"
    return job.job_id


def lines(service: Service) -> list[dict[str, object]]:
    file = service.settings.logging.file
    assert file is not None
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_what_the_worker_did_is_seen_at_every_web_process(service: Service) -> None:
    before = scraped(f"{service.url}/metrics")
    converted(service)
    done = "autovoice_vc_requests_total{completed}"
    until(lambda: scraped(f"{service.url}/metrics")[done] == before[done] + 1, "the count")

    seen = [scraped(f"{service.url}/metrics") for _ in range(6)]
    assert {each[done] for each in seen} == {before[done] + 1}
    assert seen[0]["autovoice_stage_duration_seconds_count{audio_mixing}"] >= 1
    assert seen[0]["autovoice_vc_duration_seconds_count{}"] == seen[0][done]
    assert sum(value for name, value in seen[0].items() if name.startswith("autovoice_cache_misses_total")) > 0
    assert seen[0]["autovoice_workers{ready}"] == 1
    requests_seen = [each["autovoice_http_requests_total{/metrics,200}"] for each in seen]
    assert requests_seen == sorted(requests_seen)


def test_the_other_port_shows_the_same_and_outlives_the_process_that_serves_it(service: Service) -> None:
    own = f"http://127.0.0.1:{service.settings.monitoring.prometheus_port}/metrics"
    done = "autovoice_vc_requests_total{completed}"
    assert scraped(own)[done] == scraped(f"{service.url}/metrics")[done]

    server, *processes = service.web_pids()
    for process in processes:
        os.kill(process, signal.SIGKILL)
        until(lambda gone=process: gone not in service.web_pids(), "its end")
        until(lambda: len(service.web_pids()) == 3, "its successor")
        until(lambda: _answers(own), "the port to be served again")
    assert service.web_pids()[0] == server


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


def test_counts_survive_the_processes_and_the_folder_does_not_grow(service: Service) -> None:
    converted(service)
    until(lambda: _idle(service), "the count")
    before = scraped(f"{service.url}/metrics")
    files = sorted(file.name for file in Paths(service.settings).metrics_dir().iterdir())
    for _ in range(2):
        [worker] = service.worker_pids()
        for process in (worker, *service.web_pids()[1:]):
            os.kill(process, signal.SIGKILL)
        until(lambda gone=worker: service.ready_workers() not in ([], [gone]), "another worker")
        until(lambda: len(service.web_pids()) == 3, "the web processes")
    converted(service)

    done = "autovoice_vc_requests_total{completed}"
    until(lambda: scraped(f"{service.url}/metrics")[done] == before[done] + 1, "the count")
    after = scraped(f"{service.url}/metrics")
    counters = [name for name in before if "_total{" in name or "_count{" in name or "_bucket{" in name]
    assert [name for name in counters if after[name] < before[name]] == []
    assert sorted(file.name for file in Paths(service.settings).metrics_dir().iterdir()) == files


def _idle(service: Service) -> bool:
    found = scraped(f"{service.url}/metrics")
    return found["autovoice_active_conversions{}"] == 0 and found["autovoice_vc_requests_total{completed}"] > 0


def test_a_lost_worker_is_counted(service: Service) -> None:
    lost = "autovoice_job_losses_total{conversion}"
    before = scraped(f"{service.url}/metrics")[lost]
    order = service.order_death("pitch", "begin")
    job = service.submit_song(service.profile(), use_cache=False)

    assert service.wait_for(job.job_id).state == "completed"
    assert not order.exists()
    assert scraped(f"{service.url}/metrics")[lost] == before + 1


def test_health_tells_of_the_worker(service: Service) -> None:
    # A test before this one had the worker killed; the facts of /health are up to a second old.
    until(lambda: _health(service)["workers"] == {"alive": 1, "ready": 1}, "a worker that is ready")
    until(lambda: _health(service)["storage"]["cache_size_gb"] is not None, "the size of the cache")

    assert _health(service)["status"] == "healthy"


def _health(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{service.url}/api/v1/health", timeout=10).json()
    return found


def test_the_log_connects_a_request_with_its_job(service: Service) -> None:
    profile = service.profile()
    answer = requests.post(
        f"{service.url}/api/v1/convert/song",
        files={"song": ("Geheimes Lied.wav", wav(song(2.0)), "audio/wav")},
        data={"target_profile_id": profile.profile_id},
        headers={"X-Request-ID": "request-4711"},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["conversion_id"]
    service.wait_for(job_id)

    def about_it() -> list[dict[str, object]]:
        found = [line for line in lines(service) if line.get("request_id") == "request-4711"]
        return found if {line["component"] for line in found} == {"web", "worker"} else []

    found = until(about_it, "lines of both processes")
    [request] = [line for line in found if "endpoint" in line]
    assert (request["endpoint"], request["status"]) == ("/api/v1/convert/song", 202)
    assert float(str(request["processing_time"])) > 0
    assert {line.get("job_id") for line in found if line["component"] == "worker"} == {job_id}
    assert "Geheimes" not in Path(str(service.settings.logging.file)).read_text("utf-8")


def test_a_hangup_has_every_process_follow_the_new_log_settings(tmp_path: Path) -> None:
    configuration = tmp_path / "mine.yaml"
    configuration.write_text("logging: {level: ERROR}")
    with running_service(tmp_path, environment={"AUTOVOICE_CONFIG": str(configuration)}) as service:
        configuration.write_text(f"logging: {{level: INFO, format: json, file: {tmp_path}/new.log}}")
        os.kill(service.pid, signal.SIGHUP)

        def components() -> bool:
            requests.get(f"{service.url}/openapi.json", timeout=30)
            file = tmp_path / "new.log"
            text = file.read_text("utf-8") if file.exists() else ""
            return {json.loads(line)["component"] for line in text.splitlines()} == {"supervisor", "web", "worker"}

        until(components, "a line of each process")
        assert service.stop() == 0
