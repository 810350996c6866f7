"""Messages on huey's queue: in order, taken once, and never worth more than the table."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.jobs.job import new_job_id
from auto_voice.jobs.queue import HueyQueue
from auto_voice.jobs.recovery import recover
from auto_voice.jobs.store import JobStore
from auto_voice.storage.paths import Paths
from job_stores import make

A, B, C = (new_job_id() for _ in range(3))


@pytest.fixture
def queue(settings: Settings) -> HueyQueue:
    return HueyQueue(settings)


@pytest.fixture
def file(settings: Settings) -> Path:
    return Paths(settings).queue_file()


def test_messages_come_once_the_oldest_first_and_the_urgent_before(queue: HueyQueue) -> None:
    queue.put("batch", A)
    queue.put("batch", B, priority=-1)
    queue.put("batch", C, priority=5)
    assert queue.waiting("batch") == [C, A, B]
    assert [queue.take("batch") for _ in range(4)] == [C, A, B, None]


def test_lanes_are_queues_of_their_own(queue: HueyQueue) -> None:
    queue.put("batch", A)
    assert queue.take("interactive") is None
    assert queue.take("batch") == A


def test_another_process_finds_them(settings: Settings, queue: HueyQueue) -> None:
    queue.put("interactive", A)
    queue.close()
    assert HueyQueue(settings).take("interactive") == A


def test_threads_never_take_the_same_message(settings: Settings, queue: HueyQueue) -> None:
    ids = [new_job_id() for _ in range(40)]
    for job_id in ids:
        queue.put("batch", job_id)
    taken: list[str] = []

    def take_all(own: HueyQueue) -> None:
        while message := own.take("batch"):
            taken.append(message)

    threads = [threading.Thread(target=take_all, args=(each,)) for each in (queue, queue, HueyQueue(settings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(taken) == sorted(ids)


def test_messages_are_json_and_others_are_ignored(queue: HueyQueue, file: Path) -> None:
    queue.put("batch", A)
    with sqlite3.connect(file) as connection:
        assert [json.loads(data) for (data,) in connection.execute("SELECT data FROM task")] == [A]
        for foreign in (b"\x80\x04]\x94.", b"not json", b'"../../etc/passwd"', b"{}", b"7", b""):
            connection.execute("INSERT INTO task (queue, data, priority) VALUES ('autovoice-batch', ?, 9)", (foreign,))
    connection.close()
    assert queue.waiting("batch") == [A]
    assert [queue.take("batch") for _ in range(7)] == [None] * 6 + [A]


def test_asking_an_empty_queue_waits_for_no_writer(queue: HueyQueue, file: Path) -> None:
    assert queue.take("batch") is None
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    assert queue.take("batch") is None
    assert time.monotonic() - begun < 1  # not the ten seconds that a writer waits
    writer.close()


def test_a_damaged_file_is_begun_anew(queue: HueyQueue, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    queue.put("batch", A)
    queue.close()
    file.write_bytes(b"This is no database. " * 1000)
    with caplog.at_level(logging.WARNING):
        assert queue.take("batch") is None
    assert "damaged" in caplog.text
    queue.put("batch", B)
    assert queue.take("batch") == B


def test_a_file_damaged_in_use_is_begun_anew(queue: HueyQueue, file: Path) -> None:
    queue.put("batch", A)
    file.write_bytes(b"\0" * file.stat().st_size)
    queue.put("batch", B)
    assert queue.take("batch") == B


def test_a_file_that_was_removed_is_noticed_by_all(settings: Settings, queue: HueyQueue, file: Path) -> None:
    other = HueyQueue(settings)
    for each in (queue, other):
        assert each.take("batch") is None
    file.unlink()
    queue.put("batch", A)
    assert other.take("batch") == A


def test_lost_messages_are_announced_again(store: JobStore, settings: Settings) -> None:
    made = make(store)
    Paths(settings).queue_file().unlink()
    assert store.queue.take("batch") is None
    recover(store)
    assert store.queue.take("batch") == made.job_id


def test_a_queue_that_cannot_be_made_says_what_to_do(queue: HueyQueue, file: Path) -> None:
    file.mkdir(parents=True)
    for use in (lambda: queue.put("batch", A), lambda: queue.take("batch"), lambda: queue.waiting("batch")):
        with pytest.raises(StorageError, match=r"queue\.db") as failed:
            use()
        assert failed.value.suggestions


def test_a_job_is_taken_in_although_the_queue_is_broken(
    store: JobStore, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    Paths(settings).queue_file().mkdir(parents=True)
    made = make(store)
    assert store.get(made.job_id).state == "queued"
    assert made.job_id in caplog.text
