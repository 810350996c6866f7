"""The disk is full, the folder read-only, the database or the cache damaged, the clock wrong.

The service refuses or repairs, and says so; it never crashes, and nothing that it reported done is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from auto_voice.audio import decode
from auto_voice.jobs.job import Job
from auto_voice.storage.paths import Paths
from service import Service, end, make_service, running_service, until
from simple_engines import song, wav

REFUSED = 8
"""Exit code of a data folder that cannot be used; docs/exit-codes.md."""


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of that size, mounted in the folder; the test is skipped where nothing may be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def upload(service: Service, profile_id: str, **fields: str) -> requests.Response:
    return requests.post(
        f"{service.url}/api/v1/convert/song",
        files={"song": ("song.wav", wav(song(2.0)), "audio/wav")},
        data={"target_profile_id": profile_id, **fields},
        timeout=60,
    )


def download(service: Service, job_id: str) -> requests.Response:
    return requests.get(f"{service.url}/api/v1/convert/download/{job_id}/converted.wav", timeout=30)


def health(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{service.url}/health", timeout=30).json()
    return found


def assert_whole(service: Service, job: Job) -> None:
    """What was reported done can be fetched, to the byte."""
    assert job.state == "completed", job.error
    assert job.result is not None
    answer = download(service, job.job_id)
    assert answer.status_code == 200, answer.text
    assert hashlib.sha256(answer.content).hexdigest() == job.result["files"]["converted.wav"]["sha256"]


def processes(service: Service) -> set[int]:
    return {service.pid, *service.worker_pids(), *service.web_pids()}


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(1 << 10))
    assert os.statvfs(disk).f_bavail == 0
    return ballast


def test_a_full_disk(tmp_path: Path) -> None:
    """New work is refused, running work fails or waits; with room again all goes on, in the same processes."""
    with (
        small_disk(tmp_path / "disk", 32) as disk,
        running_service(tmp_path, {"storage.data_dir": disk / "data"}, engine_seconds=0.5) as service,
    ):
        profile = service.profile()
        done = service.wait_for(service.submit_song(profile).job_id)
        running = service.submit_song(profile, use_cache=False)
        until(lambda: service.store.get(running.job_id).state == "processing", "the job to begin")
        before = processes(service)
        ballast = fill(disk)

        refused = upload(service, profile.profile_id)
        assert refused.status_code == 503, refused.text
        assert refused.json()["code"] == "service_unavailable"
        assert "storage" in refused.json()["message"]
        assert "No space left on device" in service.log.read_text("utf-8"), "the operator hears more than the client"
        assert int(refused.headers["Retry-After"]) > 0
        assert health(service)["problems"] == ["The disk is almost full."]
        assert "autovoice_vc_requests_total" in requests.get(f"{service.url}/metrics", timeout=30).text
        assert_whole(service, done)
        noticed = (
            "progress could not be stored",
            "cannot be written yet",
            "cannot go on for now",
            "the job cannot be done",
        )
        until(
            lambda: any(each in service.log.read_text("utf-8") for each in noticed), "the worker to meet the full disk"
        )
        assert "met a bug" not in service.log.read_text("utf-8")
        assert processes(service) == before, "nobody has died of it"

        ballast.unlink()
        ended = service.wait_for(running.job_id)
        if ended.state == "completed":
            assert_whole(service, ended)
        else:
            assert (ended.error or {})["code"] == "service_unavailable"
        answer = upload(service, profile.profile_id)
        assert answer.status_code == 202, answer.text
        assert_whole(service, service.wait_for(answer.json()["conversion_id"]))
        assert_whole(service, done)
        assert processes(service) == before


def test_a_read_only_data_folder_is_refused_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 32) as disk:
        service = make_service(tmp_path, {"storage.data_dir": disk / "data"})
        service.database.dispose()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        service.start()
        try:
            assert service.process.wait(60) == REFUSED
        finally:
            end(service)
    said = service.log.read_text("utf-8")
    assert "error: " in said
    assert "Check that its folder is writable" in said
    assert "Traceback" not in said


def test_a_damaged_database_is_refused_and_a_restored_one_has_everything(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        profile = service.profile()
        done = service.wait_for(service.submit_song(profile).job_id)
        file, backup = Paths(service.settings).database_file(), tmp_path / "backup.db"
        with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
        damage(file)

        until(lambda: requests.get(f"{service.url}/health", timeout=30).status_code == 503, "the damage to be noticed")
        assert health(service)["status"] == "unhealthy"
        refused = upload(service, profile.profile_id)
        assert refused.status_code == 503
        assert "Traceback" not in refused.text
        service.process.terminate()
        service.process.wait(60)
        service.database.dispose()

        service.start()
        assert service.process.wait(60) == REFUSED
        said = service.log.read_text("utf-8")
        assert "the database is damaged" in said
        assert "restore the newest backup" in said

        for part in ("", "-wal", "-shm"):
            file.with_name(file.name + part).unlink(missing_ok=True)
        shutil.copy(backup, file)
        service.start()
        service.wait_until_ready()
        assert_whole(service, service.store.get(done.job_id))
        assert service.wait_for(service.submit_song(profile).job_id).state == "completed"


def damage(file: Path) -> None:
    """Write nonsense over the database, its journal included, as a failing disk may."""
    for part in (file, file.with_name(f"{file.name}-wal")):
        if part.exists():
            with part.open("r+b") as opened:
                opened.write(random.Random(3).randbytes(part.stat().st_size))


def test_a_damaged_queue_and_a_damaged_cache_are_made_anew(tmp_path: Path) -> None:
    """Neither holds anything that cannot be made again; nobody but the log need know."""
    with running_service(tmp_path) as service:
        profile, recording = service.profile(), wav(song(2.0))
        first = service.wait_for(service.submit_song(profile, recording).job_id)
        entries = list(service.settings.storage.cache_dir.rglob("*.safetensors"))
        assert entries
        for number, entry in enumerate(entries):
            content = bytearray(entry.read_bytes())
            if number % 2:
                content[len(content) // 2] ^= 0xFF
            else:
                del content[len(content) // 2 :]
            entry.write_bytes(content)
        damage(Paths(service.settings).queue_file())
        second = service.wait_for(service.submit_song(profile, recording).job_id)

        assert_whole(service, first)
        assert_whole(service, second)
        assert sound(service, first) == sound(service, second)
        said = service.log.read_text("utf-8")
        assert "damaged cache entry" in said
        assert "Traceback" not in said


def sound(service: Service, job: Job) -> bytes:
    """What was made, without the tags that name the job."""
    return decode(Paths(service.settings).attempt_dir(job.job_id, job.attempt) / "converted.wav").samples.tobytes()


CLOCK = """
import os
import time

_true = time.time
_file = os.environ["TEST_CLOCK"]


def _shifted():
    try:
        with open(_file) as given:
            return _true() + float(given.read() or 0)
    except OSError:
        return _true()


time.time = _shifted
"""


def test_a_jump_of_the_clock(tmp_path: Path) -> None:
    """Jobs that run, wait or are done come through a clock that is set forward by an hour, and back by two."""
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    clock = tmp_path / "clock"
    inherited = make_service(tmp_path / "unused").environment["PYTHONPATH"]
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), inherited]), "TEST_CLOCK": str(clock)}
    settings = {"monitoring.health_check_interval": 1}
    with running_service(tmp_path, settings, engine_seconds=0.3, environment=environment) as service:
        profile = service.profile()
        done = service.wait_for(service.submit_song(profile).job_id)
        for jump_seconds in (3600.0, -3600.0):
            running, waiting = (service.submit_song(profile, use_cache=False) for _ in range(2))
            until(lambda job=running: service.store.get(job.job_id).state == "processing", "the job to begin")
            clock.write_text(str(jump_seconds))
            for job in (running, waiting):
                assert_whole(service, service.wait_for(job.job_id))
            assert_whole(service, done)
            later = upload(service, profile.profile_id)
            assert later.status_code == 202, later.text
            assert_whole(service, service.wait_for(later.json()["conversion_id"]))
            until(lambda: health(service)["status"] == "healthy", "health")
