"""Processes of a real service are killed, stopped and told to end; no job is lost, none is done twice."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import requests

from auto_voice.audio import Audio, decode
from auto_voice.config import Settings
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.jobs.job import Job
from auto_voice.profiles import VoiceProfile
from auto_voice.provenance import sidecar_of
from auto_voice.storage.paths import Paths
from service import POISON_RATE, Service, end, make_service, running_service, until
from simple_engines import LevelContent, MiddleSeparator, SpectralPeakPitch, TurningConverter, song, wav

PLACES = ("begin", "middle", "end")
ENGINES = ("separator", "pitch", "content", "converter", "sung")
"""In the order of their work; the last one works while the song is mixed."""


def songs(number: int) -> list[Audio]:
    """Songs that differ, also in their length, by which a death can be ordered over one of them."""
    whole = song(2.2)
    return [Audio(whole.samples[:, : 32000 + 100 * index], whole.sample_rate) for index in range(number)]


def expected(settings: Settings, profile: VoiceProfile, sound: Audio) -> Audio:
    """What the library makes of the song."""
    pipeline = SingingConversionPipeline(
        settings,
        separator=MiddleSeparator(),
        pitch=SpectralPeakPitch(),
        content=LevelContent(),
        converter=TurningConverter(),
    )
    return pipeline.convert_song(wav(sound), profile.profile_id, use_cache=False).mixed_audio


def assert_correct(service: Service, job: Job, profile: VoiceProfile, sound: Audio) -> None:
    """One result, whole, of this song, and nothing beside it."""
    assert job.state == "completed", (job.error, job.history)
    assert job.result is not None
    folder = Paths(service.settings).job_dir(job.job_id)
    # Other attempts' files go once the row says which one stands.
    kept = [f"attempt-{job.result['attempt']}"]
    until(lambda: [each.name for each in folder.glob("attempt-*")] == kept, "the other attempts' files to go", 30)
    assert job.result["attempt"] == job.attempt == len(job.history) + 1
    made = decode(Paths(service.settings).attempt_dir(job.job_id, job.attempt) / "converted.wav")
    wanted = expected(service.settings, profile, sound)
    np.testing.assert_allclose(made.samples, wanted.samples, atol=2 / (1 << 15))


def upload(service: Service, profile: VoiceProfile, sound: Audio) -> str:
    """Start a conversion as a client does."""
    answer = requests.post(
        f"{service.url}/api/v1/convert/song",
        files={"song": ("song.wav", wav(sound))},
        data={"target_profile_id": profile.profile_id},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["conversion_id"])


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != "zombie"
    return False


def test_twenty_jobs_survive_a_death_at_every_place(tmp_path: Path) -> None:
    sounds = songs(20)
    with running_service(tmp_path, workers=2, weights=(), engine_seconds=0.1) as service:
        profile = service.profile()
        orders = [
            service.order_death(engine, f"{place}-{sound.frames}")
            for (engine, place), sound in zip(itertools.product(ENGINES, PLACES), sounds, strict=False)
        ]
        jobs = {upload(service, profile, sound): sound for sound in sounds}

        kill(service.web_pids()[-1])  # a web process
        until(lambda: service.store.count(states=["completed"]) >= 6, "some jobs to end")
        kill(service.web_pids()[0])  # the web server
        until(lambda: service.store.count(states=["completed"]) >= 12, "more jobs to end")
        for pid in (*service.web_pids(), *service.worker_pids()):  # all at once
            kill(pid)
        until(lambda: service.ready_workers(), "a worker that is ready")

        ended = {job_id: service.wait_for(job_id, 180) for job_id in jobs}
        for job_id, sound in jobs.items():
            assert_correct(service, ended[job_id], profile, sound)
        assert not [order.name for order in orders if order.exists()]
        until(service._answers, "the web server")
        for job_id in jobs:
            status = requests.get(f"{service.url}/api/v1/convert/status/{job_id}", timeout=30).json()
            answer = requests.get(f"{service.url}/api/v1/convert/download/{job_id}/converted.wav", timeout=30)
            assert (status["status"], answer.status_code) == ("completed", 200)
            assert len(answer.content) == (ended[job_id].result or {})["files"]["converted.wav"]["size"]
        assert service.store.count() == len(jobs)


def test_everything_dies_at_once_and_a_new_service_goes_on(tmp_path: Path) -> None:
    service = make_service(tmp_path, web=False, engine_seconds=0.5, weights=())
    service.start()
    try:
        service.wait_until_ready()
        profile, sound = service.profile(), songs(1)[0]
        job = service.submit_song(profile, wav(sound))
        until(lambda: service.store.get(job.job_id).stage == "voice_conversion", "the conversion to begin")
        workers = [psutil.Process(pid) for pid in service.worker_pids()]
        for pid in (service.pid, *service.worker_pids()):
            kill(pid)
        service.process.wait(10)
        until(lambda: not any(map(lives, workers)), "the end of the workers", 10)

        service.start()
        done = service.wait_for(job.job_id)

        assert_correct(service, done, profile, sound)
        assert [lost["reason"] for lost in done.history] == ["lease_expired"]
        assert (done.result or {})["stage_seconds"]["source_separation"] < 0.5, "the stems were kept"
    finally:
        end(service)


def test_workers_die_with_their_supervisor(tmp_path: Path) -> None:
    with running_service(tmp_path, weights=()) as service:
        family = [psutil.Process(pid) for pid in (*service.worker_pids(), *service.web_pids())]
        kill(service.pid)
        until(lambda: not any(map(lives, family)), "their end", 30)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service with two workers for several tests."""
    folder = tmp_path_factory.mktemp("service")
    with running_service(folder, web=False, workers=2, engine_seconds=0.4, weights=()) as service:
        yield service


def test_the_newer_attempt_stands_when_a_stopped_worker_comes_back(tmp_path: Path) -> None:
    with running_service(tmp_path, web=False, workers=2, engine_seconds=2.0, weights=()) as service:
        profile, sound = service.profile(), songs(1)[0]
        job = service.submit_song(profile, wav(sound), use_cache=False)
        busy = until(lambda: stopped_while_converting(service, job), "the conversion to begin")
        try:
            done = service.wait_for(job.job_id)
            result = Path(Paths(service.settings).attempt_dir(job.job_id, 2) / "converted.wav").read_bytes()
        finally:
            kill(busy, signal.SIGCONT)
        first = Paths(service.settings).attempt_dir(job.job_id, 1)
        until(lambda: not first.exists(), "the older attempt to be removed", 30)

        assert_correct(service, service.store.get(job.job_id), profile, sound)
        assert done == service.store.get(job.job_id)
        assert (done.attempt, done.history[0]["reason"]) == (2, "lease_expired")
        assert Path(Paths(service.settings).attempt_dir(job.job_id, 2) / "converted.wav").read_bytes() == result


def stopped_while_converting(service: Service, job: Job) -> int | None:
    """Stop the worker that converts; it neither ends meanwhile nor holds the database when it stops."""
    with service.database.write():
        row = service.store.get(job.job_id)
        if row.stage != "voice_conversion":
            return None
        busy = next(pid for pid in service.worker_pids() if works_on(service, pid, row))
        kill(busy, signal.SIGSTOP)
        return busy


def test_files_do_not_count_whose_row_was_not_ended(lasting: Service) -> None:
    profile, sound = lasting.profile(), songs(1)[0]
    with lasting.database.write() as connection:  # the first attempt's end takes for ever
        connection.exec_driver_sql(
            "CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER linger BEFORE UPDATE ON jobs WHEN NEW.state = 'completed' AND NEW.attempt = 1 "
            "BEGIN SELECT count(*) FROM endless; END"
        )
    job = lasting.submit_song(profile, wav(sound))
    row = until(lambda: (now := lasting.store.get(job.job_id)).worker_id and now, "an attempt")
    busy = next(pid for pid in lasting.worker_pids() if works_on(lasting, pid, row))
    first = Paths(lasting.settings).attempt_dir(job.job_id, 1) / "converted.wav"
    until(sidecar_of(first).exists, "all files of the first attempt")
    kill(busy)

    done = lasting.wait_for(job.job_id)
    with lasting.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER linger")

    assert_correct(lasting, done, profile, sound)
    assert (done.attempt, [lost["reason"] for lost in done.history]) == (2, ["worker_died"])


def works_on(service: Service, pid: int, job: Job) -> bool:
    row = service.store.get(job.job_id)
    from auto_voice.jobs.workers import WorkerRegistry

    return any(
        each.process_id == pid and each.worker_id == row.worker_id
        for each in WorkerRegistry(service.database).alive(60)
    )


def test_a_poisoned_job_fails_alone(lasting: Service) -> None:
    profile, sounds = lasting.profile(), songs(4)
    poison = lasting.submit_song(profile, wav(Audio(sounds[0].samples, POISON_RATE)))
    healthy = {lasting.submit_song(profile, wav(sound)).job_id: sound for sound in sounds}

    failed = lasting.wait_for(poison.job_id)
    for job_id, sound in healthy.items():
        assert_correct(lasting, lasting.wait_for(job_id), profile, sound)

    assert failed.state == "failed"
    assert (failed.error or {})["code"] == "internal_error"
    assert [entry["attempt"] for entry in failed.history] == [1, 2, 3]
    assert {entry["reason"] for entry in failed.history} == {"worker_died"}
    assert not list(Paths(lasting.settings).job_dir(poison.job_id).glob("attempt-*/*"))


def test_a_stopped_service_goes_on_from_the_kept_stages(tmp_path: Path) -> None:
    service = make_service(tmp_path, web=False, engine_seconds=1.0, weights=())
    service.start()
    try:
        service.wait_until_ready()
        profile, sound = service.profile(), songs(1)[0]
        job = service.submit_song(profile, wav(sound))
        until(lambda: service.store.get(job.job_id).progress > 26, "the pitch extraction to run")
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 10
        waiting = service.store.get(job.job_id)
        assert (waiting.state, waiting.losses, waiting.history) == ("queued", 0, [])

        service.start()
        done = service.wait_for(job.job_id)

        assert done.state == "completed"
        assert (done.losses, done.attempt) == (0, 2)
        seconds: dict[str, Any] = (done.result or {})["stage_seconds"]
        assert seconds["source_separation"] < 0.5, "the stems were kept"
        assert seconds["pitch_extraction"] < 0.5, "the melody was kept: the stage that ran had come to its end"
        assert seconds["voice_conversion"] > 1.9, json.dumps(seconds)
    finally:
        end(service)
