"""Holding the line for a job: its end is the answer, whatever it is."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from auto_voice import errors
from auto_voice.errors import (
    AudioTooShortError,
    AutoVoiceError,
    CancelledError,
    LowQualityAudioError,
    ModelLoadError,
    OutOfMemoryError,
    QueueFullError,
    ServiceUnavailableError,
)
from auto_voice.jobs.job import Job, NewJob
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.web.errors import error_document
from auto_voice.web.streams import listen
from auto_voice.web.waiting import failure, line, require_worker, wait_for
from web_house import WebHouse


def waiting_job(house: WebHouse) -> Job:
    return house.services.jobs.create(NewJob(kind="analysis", owner="default", parameters={}))[0]


def later(act: object) -> threading.Thread:
    thread = threading.Timer(0.15, act)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_the_job_comes_back_completed(house: WebHouse) -> None:
    job = waiting_job(house)

    def work() -> None:
        claimed = house.services.jobs.claim("worker", "interactive")
        assert claimed is not None
        house.services.jobs.complete(claimed, {"attempt": 1, "answer": 42})

    worker = later(work)
    with house.app.app_context():
        assert (wait_for(job, 10).result or {})["answer"] == 42
    worker.join()


@pytest.mark.parametrize(
    "error",
    [
        AudioTooShortError("too short", suggestions=["record more"]),
        LowQualityAudioError("too noisy"),
        ModelLoadError("not installed"),
        OutOfMemoryError(),
        AutoVoiceError("a bug"),
    ],
)
def test_the_workers_error_comes_back_as_it_was(house: WebHouse, error: AutoVoiceError) -> None:
    waiting_job(house)
    job = house.services.jobs.claim("worker", "interactive")
    assert job is not None
    house.services.jobs.fail(job, error_document(error))
    with house.app.app_context(), pytest.raises(type(error)) as met:
        wait_for(job, 10)
    assert type(met.value) is type(error)
    assert (met.value.message, met.value.suggestions) == (error.message, error.suggestions)


def test_every_code_comes_back_with_its_status() -> None:
    """Whatever error a worker may meet keeps the status that its code has in the API."""
    known = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AutoVoiceError)]
    assert len(known) > 20
    for kind in known:
        unused = dict.fromkeys(Job.__dataclass_fields__)
        job = Job(**(unused | {"state": "failed", "error": {"code": kind.code, "message": "x"}}))  # type: ignore[arg-type]
        again = failure(job)
        assert again.code == kind.code
        # 401 and 403 share a code; no worker meets them.
        assert again.http_status == kind.http_status or kind.code == "unauthorized"


def test_who_takes_too_long_is_given_up(house: WebHouse) -> None:
    job = waiting_job(house)
    began = time.monotonic()
    with house.app.app_context(), pytest.raises(ServiceUnavailableError, match="longer than"):
        wait_for(job, 0.2)
    assert time.monotonic() - began < 2
    assert house.services.jobs.get(job.job_id).state == "cancelled"


def test_who_can_ask_again_finds_the_work_going_on(house: WebHouse) -> None:
    job = waiting_job(house)
    with house.app.app_context(), pytest.raises(ServiceUnavailableError, match="goes on"):
        wait_for(job, 0.1, goes_on=True)
    assert house.services.jobs.get(job.job_id).state == "queued"


def test_a_job_that_somebody_cancels_ends_the_wait(house: WebHouse) -> None:
    job = waiting_job(house)
    other = later(lambda: house.services.jobs.cancel(job.job_id))
    with house.app.app_context(), pytest.raises(CancelledError):
        wait_for(job, 10)
    other.join()


def test_half_of_the_threads_may_wait_and_no_more(house: WebHouse) -> None:
    """The others are for those who only ask how things stand."""
    with house.app.app_context(), contextlib.ExitStack() as lines:
        for _ in range(house.settings.server.threads // 2):
            lines.enter_context(line())
        with pytest.raises(QueueFullError), line():
            pass
    with house.app.app_context(), line():
        assert house.client.get("/health").status_code == 200


def test_a_speech_without_a_line_is_given_up(house: WebHouse) -> None:
    with house.app.test_request_context(), contextlib.ExitStack() as lines:
        for _ in range(house.settings.server.threads // 2):
            lines.enter_context(line())
        job = house.services.jobs.create(NewJob(kind="stream", owner="default", parameters={"format": "mp3"}))[0]
        with pytest.raises(QueueFullError):
            next(listen(job))
        assert house.services.jobs.get(job.job_id).state == "cancelled"


def test_without_a_worker_nobody_waits(house: WebHouse) -> None:
    registry = WorkerRegistry(house.services.database)
    with house.app.app_context():
        with pytest.raises(ServiceUnavailableError):
            require_worker()
        registry.hello("ends", state="draining")
        with pytest.raises(ServiceUnavailableError):
            require_worker()
        registry.hello("works", state="ready")
        require_worker()
