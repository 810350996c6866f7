"""The one thread that watches the table for all sockets."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from sqlalchemy import delete

from auto_voice.database.tables import jobs
from auto_voice.errors import ConversionNotFoundError, StorageError
from auto_voice.jobs.job import Job
from auto_voice.web.job_watch import GONE, Frame, JobWatch, Watch, error_frame, job_frame
from service import until
from web_house import WebHouse


@pytest.fixture
def watcher(house: WebHouse) -> JobWatch:
    return JobWatch(house.app)


def told(frame: Frame) -> dict[str, Any]:
    return dict(json.loads(frame.text))


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "job-watch"]


def follow(watch: Watch, state: str) -> dict[str, Any]:
    """The first frame of that state."""
    while (frame := told(watch.next()))["status"] != state:
        pass
    return frame


def framed(house: WebHouse, job: Job) -> dict[str, Any]:
    with house.app.app_context():
        return told(job_frame(job, 0.0))


def test_everybody_who_watches_a_job_is_told_of_it_by_one_thread(house: WebHouse, watcher: JobWatch) -> None:
    job, other = house.made(), house.made()
    with watcher.watch(job.job_id) as first, watcher.watch(job.job_id) as second, watcher.watch(other.job_id) as third:
        for watch, job_id in ((first, job.job_id), (second, job.job_id), (third, other.job_id)):
            assert told(watch.next())["conversion_id"] == job_id
        assert len(threads()) == 1
        house.services.jobs.cancel(job.job_id)
        assert follow(first, "cancelled")["type"] == follow(second, "cancelled")["type"] == "error"
    until(lambda: not threads(), "the thread to end with its last watcher", 10)


def test_who_comes_after_the_thread_has_ended_is_told_too(house: WebHouse, watcher: JobWatch) -> None:
    job = house.made()
    for _ in range(3):
        with watcher.watch(job.job_id) as watch:
            assert told(watch.next())["status"] == "queued"
        until(lambda: not threads(), "the thread to end", 10)


def test_a_slow_socket_is_told_the_newest_and_never_misses_the_end() -> None:
    watch = Watch("x")
    for number in range(100):
        watch.tell(Frame(str(number)))
    assert watch.next() == Frame("99")
    watch.tell(Frame("end", 1000))
    watch.tell(Frame("after it"))
    assert watch.next() == Frame("end", 1000)


def test_what_was_known_before_the_snapshot_is_not_told_after_it() -> None:
    watch = Watch("x")
    watch.tell(Frame("queued", known_at=1.0))
    watch.tell(Frame("processing", known_at=3.0))
    assert watch.next(after=2.0).text == "processing"


def test_a_job_that_is_deleted_ends_its_sockets(house: WebHouse, watcher: JobWatch) -> None:
    job = house.made()
    with watcher.watch(job.job_id) as watch:
        watch.next()
        with house.services.database.write() as connection:
            connection.execute(delete(jobs).where(jobs.c.job_id == job.job_id))
        while (frame := watch.next()).close is None:
            pass
    assert (frame.close, told(frame)["error"]["code"]) == (GONE, "conversion_not_found")


def test_a_database_that_is_away_for_a_while_ends_nothing(
    house: WebHouse, watcher: JobWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = house.made()
    many, failures = house.services.jobs.many, iter([StorageError("away"), RuntimeError("a bug")])

    def unsteady(job_ids: Any) -> Any:
        for failure in failures:
            raise failure
        return many(job_ids)

    monkeypatch.setattr(house.services.jobs, "many", unsteady)
    with watcher.watch(job.job_id) as watch:
        assert told(watch.next())["status"] == "queued"


def test_a_process_that_ends_sends_everybody_away(house: WebHouse, watcher: JobWatch) -> None:
    watcher.close_when(lambda: True)
    with watcher.watch(house.made().job_id) as watch:
        assert watch.next() == Frame("", 1001)


def test_frames_of_each_end(house: WebHouse) -> None:
    done = framed(house, house.completed())
    assert (done["type"], done["status"], done["progress"]) == ("completed", "completed", 100)
    assert done["result"]["converted_audio_url"].endswith("/converted.wav")

    failed = house.started()
    error = {"code": "separation_failed", "message": "No vocals.", "details": {"suggestions": []}}
    house.services.jobs.fail(failed, error)
    frame = framed(house, house.services.jobs.get(failed.job_id))
    assert (frame["type"], frame["status"], frame["error"]) == ("error", "failed", error)

    cancelled = framed(house, house.services.jobs.cancel(house.made().job_id))
    assert (cancelled["type"], cancelled["status"]) == ("error", "cancelled")
    assert set(cancelled["error"]) == {"code", "message", "details"}


def test_a_frame_says_nothing_of_workers_owners_or_paths(house: WebHouse) -> None:
    text = json.dumps(framed(house, house.completed()))
    assert "worker" not in text.replace("workers", "") and str(house.settings.storage.data_dir) not in text
    assert set(told(error_frame(ConversionNotFoundError(), "x", GONE))) == {
        "type",
        "conversion_id",
        "error",
        "timestamp",
    }
