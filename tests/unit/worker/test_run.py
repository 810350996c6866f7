"""What a worker does with its jobs, seen in the table: done, failed, cancelled, given back, never twice."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from auto_voice.config import Settings
from auto_voice.database import Database, open_database
from auto_voice.database.schema import prepare
from auto_voice.errors import LowQualityAudioError, StorageError
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.job import ENDED, Job, Kind
from auto_voice.jobs.recovery import recover
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.progress import ProgressCallback
from auto_voice.storage.paths import Paths
from auto_voice.supervisor.signals import SignalInbox
from auto_voice.worker.executors import Executor
from auto_voice.worker.run import Worker
from job_stores import make

Work = Callable[[Job, Path, ProgressCallback], dict[str, Any]]
DEADLINE = 10.0


class Doing:
    """An executor that does what the test says."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        return self._work(job, folder, progress)


class House:
    """A store, and workers that work for it in this process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.paths = Paths(settings)
        self.database = database
        self.store = JobStore(settings, database)

    def made(self, work: Work, kinds: tuple[Kind, ...] = ("conversion", "clone")) -> Worker:
        def executor() -> Executor:
            return Doing(work)

        return Worker(
            "worker",
            self.settings,
            store=self.store,
            queue=self.store.queue,
            workers=WorkerRegistry(self.database),
            executors=dict.fromkeys(kinds, executor),
            details=lambda: {"models": []},
        )

    @contextmanager
    def worker(self, work: Work) -> Iterator[Worker]:
        worker = self.made(work)
        worker.start()
        try:
            yield worker
        finally:
            worker.shift.drain()
            worker.finish()  # harmless where it has finished before

    def ended(self, job: Job) -> Job:
        return self.until(job, lambda row: row.state in ENDED)

    def until(self, job: Job, condition: Callable[[Job], bool]) -> Job:
        deadline = time.monotonic() + DEADLINE
        while not condition(row := self.store.get(job.job_id)):
            assert time.monotonic() < deadline, row
            time.sleep(0.01)
        return row


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    jobs = settings.jobs.model_copy(update={"lease_seconds": 1.0})
    settings = settings.model_copy(update={"jobs": jobs})
    database = open_database(settings)
    prepare(database)
    yield House(settings, database)
    database.dispose()


def folders(house: House, job: Job) -> list[str]:
    return sorted(each.name for each in house.paths.job_dir(job.job_id).glob("attempt-*"))


def walk(progress: ProgressCallback, until: Callable[[], bool], stage: str = "voice_conversion") -> None:
    """A stage that goes on until it is told otherwise, showing progress."""
    deadline = time.monotonic() + DEADLINE
    while not until():
        assert time.monotonic() < deadline
        progress(50.0, stage)
        time.sleep(0.01)


def test_a_job_is_done_and_its_files_are_there_when_the_table_says_so(house: House) -> None:
    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        progress(10.0, "source_separation")
        (folder / "converted.wav").write_bytes(b"sound")
        return {"attempt": job.attempt, "files": {"converted.wav": {}}}

    with house.worker(work):
        job = house.ended(make(house.store))

    assert (job.state, job.progress, job.result) == ("completed", 100.0, {"attempt": 1, "files": {"converted.wav": {}}})
    assert (house.paths.attempt_dir(job.job_id, 1) / "converted.wav").read_bytes() == b"sound"


def test_a_job_without_a_message_is_found(house: House) -> None:
    job = make(house.store)
    assert house.store.queue.take("batch") == job.job_id

    with house.worker(lambda *_: {}):
        assert house.ended(job).state == "completed"


def test_interactive_jobs_do_not_wait_for_batch_jobs(house: House) -> None:
    meanwhile = threading.Event()

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        if job.kind == "conversion":
            walk(progress, meanwhile.is_set)
        return {}

    with house.worker(work):
        long = make(house.store)
        house.until(long, lambda row: row.state == "processing")
        assert house.ended(make(house.store, kind="clone")).state == "completed"
        meanwhile.set()
        assert house.ended(long).state == "completed"


def test_the_lease_is_renewed_while_the_work_is_silent(house: House) -> None:
    def work(*_: Any) -> dict[str, Any]:
        ends = time.monotonic() + 2.0 * house.settings.jobs.lease_seconds
        while time.monotonic() < ends:
            recover(house.store)
            time.sleep(0.05)
        return {}

    with house.worker(work):
        job = house.ended(make(house.store))

    assert (job.state, job.attempt, job.losses) == ("completed", 1, 0)


def test_an_error_of_ours_is_the_jobs_error(house: House) -> None:
    def work(*_: Any) -> dict[str, Any]:
        raise LowQualityAudioError("too much noise", suggestions=["record it again"])

    with house.worker(work):
        job = house.ended(make(house.store))

    assert job.state == "failed"
    assert job.error == {
        "code": "low_quality_audio",
        "message": "too much noise",
        "details": {"suggestions": ["record it again"]},
    }
    assert folders(house, job) == []


def test_a_bug_is_told_to_the_log_and_not_to_the_client(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def work(*_: Any) -> dict[str, Any]:
        raise ZeroDivisionError("in /secret/place")

    with caplog.at_level(logging.ERROR), house.worker(work):
        failed = house.ended(make(house.store))
        following = house.ended(make(house.store))

    assert failed.error is not None
    assert failed.error["code"] == "internal_error"
    assert "secret" not in str(failed.error)
    assert "ZeroDivisionError: in /secret/place" in caplog.text
    assert following.attempt == 1, "the worker went on"


def test_after_running_out_of_memory_a_worker_makes_room_for_a_fresh_one(house: House) -> None:
    def work(*_: Any) -> dict[str, Any]:
        raise MemoryError

    with house.worker(work) as worker:
        job = house.ended(make(house.store))
        assert (job.error or {})["code"] == "out_of_memory"
        assert worker.shift.state == "draining"
        assert worker.shift.drain_seconds is None, "other jobs go on to their end"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_thread_has_died_makes_room_for_a_fresh_one(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    def work(*_: Any) -> dict[str, Any]:
        raise SystemExit("an engine that takes itself for a program")

    make(house.store)
    worker = house.made(work)
    too_late = threading.Timer(DEADLINE, worker.shift.drain)
    too_late.start()
    with SignalInbox(signal.SIGTERM) as signals:
        worker.run(signals)
    too_late.cancel()

    assert worker.shift.drain_seconds is None, "it ended by itself"
    assert "a thread of the worker has died" in caplog.text


def test_cancelling_ends_the_work_within_two_seconds(house: House) -> None:
    stopped = threading.Event()

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        if job.kind == "clone":
            return {}
        (folder / "half.wav").write_bytes(b"half")
        try:
            walk(progress, lambda: False)
        finally:
            stopped.set()
        return {}

    with house.worker(work):
        job = make(house.store)
        house.until(job, lambda row: row.stage is not None)
        house.store.cancel(job.job_id)
        assert stopped.wait(2.0)
        assert house.ended(make(house.store, kind="clone")).state == "completed"

    assert house.store.get(job.job_id).state == "cancelled"
    assert folders(house, job) == []


def test_an_attempt_that_was_taken_away_writes_nothing_more(house: House) -> None:
    go_on = threading.Event()

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        (folder / "converted.wav").write_bytes(b"%d" % job.attempt)
        if job.attempt == 1:
            assert go_on.wait(DEADLINE)  # hears nothing, as a process that was stopped
        return {"attempt": job.attempt}

    with house.worker(work):
        job = make(house.store)
        house.until(job, lambda row: row.state == "processing")
        assert house.store.lose("worker") == [job.job_id]
        newer = house.store.claim("another", "batch")
        assert newer is not None
        newer_file = house.paths.attempt_dir(job.job_id, 2) / "converted.wav"
        newer_file.parent.mkdir(parents=True)
        newer_file.write_bytes(b"2")
        go_on.set()
        deadline = time.monotonic() + DEADLINE
        while folders(house, job) != ["attempt-2"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        house.store.complete(newer, {"attempt": 2})

    assert house.store.get(job.job_id).result == {"attempt": 2}
    assert newer_file.read_bytes() == b"2"


def test_a_draining_worker_gives_a_batch_job_back_between_two_stages(house: House) -> None:
    in_stage, drained, ended_stage = threading.Event(), threading.Event(), threading.Event()

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        progress(0.0, "source_separation")
        in_stage.set()
        assert drained.wait(DEADLINE)
        progress(25.0, "source_separation")
        ended_stage.set()
        progress(25.0, "pitch_extraction")
        raise AssertionError("the next stage began")

    with house.worker(work) as worker:
        job = make(house.store)
        assert in_stage.wait(DEADLINE)
        worker.shift.drain()
        drained.set()
        row = house.until(job, lambda row: row.state == "queued")

    assert ended_stage.is_set()
    assert (row.attempt, row.losses, row.history) == (1, 0, [])
    assert folders(house, job) == []


def test_a_draining_worker_finishes_interactive_jobs_and_takes_no_more(house: House) -> None:
    begun, drained = threading.Event(), threading.Event()

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        progress(0.0, "first")
        begun.set()
        assert drained.wait(DEADLINE)
        progress(50.0, "second")
        return {}

    with house.worker(work) as worker:
        job = make(house.store, kind="clone")
        assert begun.wait(DEADLINE)
        worker.shift.drain()
        late = make(house.store, kind="clone")
        drained.set()
        assert house.ended(job).state == "completed"

    assert house.store.get(late.job_id).state == "queued"


def test_a_retiring_worker_serves_those_who_hold_the_line_until_its_song_is_done(house: House) -> None:
    go_on = threading.Event()

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        if job.kind == "conversion":
            walk(progress, go_on.is_set)
            progress(80.0, "audio_mixing")
        return {}

    with house.worker(work) as worker:
        song = make(house.store)
        house.until(song, lambda row: row.stage is not None)
        worker.shift.retire()
        late = make(house.store)
        assert house.ended(make(house.store, kind="clone")).state == "completed"
        go_on.set()
        worker.finish()

    assert house.store.get(song.job_id).state == "completed"
    assert house.store.get(late.job_id).state == "queued"


def test_an_end_is_written_when_the_database_is_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    complete, answers = house.store.complete, iter([StorageError("gone"), None])

    def complete_later(job: Job, result: dict[str, Any]) -> None:
        if error := next(answers):
            raise error
        complete(job, result)

    monkeypatch.setattr(house.store, "complete", complete_later)
    with house.worker(lambda *_: {"attempt": 1}):
        assert house.ended(make(house.store)).state == "completed"


def test_an_error_that_names_folders_is_kept_without_them(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def failing(*_: object) -> dict[str, Any]:
        raise StorageError("cannot write /secret/place/x: No space left", suggestions=["Free some space."])

    with house.worker(failing):
        job = house.ended(make(house.store))

    assert (job.state, (job.error or {})["code"]) == ("failed", "service_unavailable")
    assert "/secret/place" not in str(job.error)
    assert "/secret/place" in caplog.text


def test_a_result_stays_whose_writing_was_answered_too_late(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    complete, tried = house.store.complete, threading.Event()

    def complete_unheard(job: Job, result: dict[str, Any]) -> None:
        if tried.is_set():
            try:
                complete(job, result)
            finally:
                checked.set()
        complete(job, result)
        tried.set()
        raise StorageError("the connection broke")

    checked = threading.Event()
    monkeypatch.setattr(house.store, "complete", complete_unheard)
    with house.worker(lambda job, folder, progress: {"attempt": job.attempt}):
        job = make(house.store)
        assert checked.wait(DEADLINE)

    assert house.store.get(job.job_id).state == "completed"
    assert folders(house, job) == ["attempt-1"]


def test_progress_reaches_the_table_with_every_stage_but_not_with_every_step(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[tuple[float, str | None]] = []
    monkeypatch.setattr(house.store, "report", lambda job, percent, stage: reported.append((percent, stage)))

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        for stage, low in (("source_separation", 0), ("pitch_extraction", 25)):
            for step in range(100):
                progress(low + step / 10, stage)
        return {}

    with house.worker(work):
        house.ended(make(house.store))

    assert reported[:1] == [(0.0, "source_separation")]
    assert (25.0, "pitch_extraction") in reported
    assert len(reported) <= 4


def test_a_lost_job_ends_the_work_at_its_next_report(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(job: Job, percent: float, stage: str | None) -> None:
        raise LostJobError(job.job_id, job.attempt, cancelled=False)

    monkeypatch.setattr(house.store, "report", lost)
    ends = threading.Event()

    def work(job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        try:
            progress(0.0, "source_separation")
        finally:
            ends.set()
        raise AssertionError("it went on")

    with house.worker(work):
        job = make(house.store)
        assert ends.wait(DEADLINE)

    assert house.store.get(job.job_id).state == "processing", "its new owner's business"
    assert folders(house, job) == []
