"""`autovoice serve` as an operator meets it: started, refused, told to read its configuration again, stopped."""

from __future__ import annotations

import os
import pstats
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests

from service import Service, end, make_service, until
from simple_engines import song, wav


def refused(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "auto_voice.cli", *arguments],
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    service = make_service(tmp_path, weights=())
    with socket.create_server(("127.0.0.1", service.settings.server.port)):
        done = refused(service, "serve")
    assert done.returncode == 9
    assert f"cannot listen on 127.0.0.1, port {service.settings.server.port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("server:\n  prot: 5000\n")
    done = refused(make_service(tmp_path, weights=()), "serve", "--config", str(tmp_path / "bad.yaml"))
    assert done.returncode == 4
    assert "bad.yaml:2" in done.stderr
    assert "did you mean" in done.stderr


PROFILED = ("-m", "cProfile", "-o", "profile.out", "-m", "auto_voice.web.app")
CASES: dict[str, tuple[Sequence[str], signal.Signals]] = {
    "a terminal's Ctrl-C": (("-m", "auto_voice.cli", "serve"), signal.SIGINT),
    "the module, under a profiler": (PROFILED, signal.SIGTERM),
}


@pytest.mark.parametrize("case", CASES)
def test_it_tells_where_it_is_and_stops_cleanly(tmp_path: Path, case: str) -> None:
    arguments, number = CASES[case]
    service = make_service(tmp_path, weights=())
    file = tmp_path / "settings.yaml"
    file.write_text("server:\n  threads: 5\n")
    with service.log.open("wb") as log:
        service.process = subprocess.Popen(
            [sys.executable, *arguments, "--config", str(file)],
            env=service.environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        service.wait_until_ready()
        assert requests.get(f"{service.url}/health", timeout=30).status_code == 200
        family = (*service.worker_pids(), *service.web_pids())
        os.killpg(service.pid, number)
        assert service.process.wait(30) == 0
    finally:
        end(service)

    said = service.log.read_text()
    assert service.url in said
    assert str(service.settings.storage.data_dir) in said
    assert "No API key is needed" in said
    assert "Traceback" not in said
    assert not any(Path(f"/proc/{pid}").exists() for pid in family)
    if arguments is PROFILED:
        assert pstats.Stats(str(tmp_path / "profile.out")).total_tt > 0  # type: ignore[attr-defined]


def test_a_new_configuration_is_taken_up_after_the_running_job_and_a_bad_one_is_not(tmp_path: Path) -> None:
    service = make_service(tmp_path, engine_seconds=0.5, weights=())
    file = tmp_path / "settings.yaml"
    file.write_text("limits:\n  max_queue_size: 5\n")
    service.environment["AUTOVOICE_CONFIG"] = str(file)
    del service.environment["AUTOVOICE__LIMITS__WORKER_THREADS"]
    service.start()
    try:
        service.wait_until_ready()
        assert capacity(service) == 5
        (before,) = service.worker_pids()

        file.write_text("limits:\n  max_queue_size: none\n")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: "the one in force stays" in service.log.read_text(), "the refusal")
        assert (capacity(service), service.worker_pids()) == (5, [before])

        job = service.submit_song(service.profile(), wav(song(2.0)))
        until(lambda: service.store.get(job.job_id).stage is not None, "the job to begin")
        file.write_text("limits:\n  max_queue_size: 7\n  worker_threads: 2\n")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: capacity(service) == 7, "the web processes to follow")
        done = service.wait_for(job.job_id)
        until(lambda: len(set(service.ready_workers()) - {before}) == 2, "two new workers")
        assert (done.state, done.attempt, done.losses) == ("completed", 1, 0)
        assert service.stop() == 0
    finally:
        end(service)


def capacity(service: Service) -> int:
    """What the web processes take for the queue's size; 0 while they do not answer."""
    try:
        return int(requests.get(f"{service.url}/health", timeout=30).json()["queue"]["capacity"])
    except requests.ConnectionError:
        return 0
