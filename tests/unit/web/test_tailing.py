"""Listening to a job: its bytes as they come, its errors, and the end of the making when nobody listens."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from auto_voice.config import Settings
from auto_voice.database import open_database
from auto_voice.database.schema import prepare
from auto_voice.errors import CancelledError, InputError, ServiceUnavailableError, StorageError
from auto_voice.jobs.job import Job, NewJob
from auto_voice.jobs.store import JobStore
from auto_voice.storage.paths import Paths
from auto_voice.web.tailing import LISTENING_SECONDS, BrokenStreamError, tail

Step = Callable[[], Any]


class Stream:
    """A stream's job, and a worker that takes its next step whenever the listener looks whether it is still there."""

    def __init__(self, settings: Settings) -> None:
        self.database = open_database(settings)
        prepare(self.database)
        self.store = JobStore(settings, self.database)
        self.paths = Paths(settings)
        self.job_id = self.store.create(NewJob(kind="stream", owner="ann", parameters={}))[0].job_id
        self.claimed: Job
        self.hears = True

    @property
    def job(self) -> Job:
        return self.store.get(self.job_id)

    @property
    def file(self) -> Path:
        return self.paths.attempt_dir(self.job_id, self.claimed.attempt) / "speech.mp3"

    def claim(self) -> None:
        job = self.store.claim("worker", "interactive")
        assert job is not None
        self.claimed = job
        self.file.parent.mkdir(parents=True)

    def write(self, content: bytes) -> Step:
        def append() -> None:
            with self.file.open("ab") as file:
                file.write(content)

        return append

    def complete(self) -> None:
        self.store.complete(self.claimed, {"attempt": self.claimed.attempt, "files": {}})

    def fail(self) -> None:
        error = {"code": "invalid_parameters", "message": "the text is empty", "details": {"suggestions": ["Speak."]}}
        self.store.fail(self.claimed, error)

    def lose(self) -> None:
        assert self.store.lose("worker") == [self.job_id]

    def hang_up(self) -> None:
        self.hears = False

    def listen(self, *steps: Step, patience: float = 20.0) -> Generator[bytes, None, None]:
        waiting = iter(steps)

        def gone() -> bool:
            next(waiting, lambda: None)()
            return not self.hears

        return tail(self.store, self.paths, self.job_id, "speech.mp3", patience=patience, gone=gone)


@pytest.fixture
def stream(settings: Settings) -> Iterator[Stream]:
    stream = Stream(settings)
    yield stream
    stream.database.dispose()


def test_bytes_come_as_they_are_written(stream: Stream) -> None:
    chunks = stream.listen(stream.claim, stream.write(b"one "), stream.write(b"two "), stream.complete)

    assert next(chunks) == b"one "
    assert stream.job.state == "processing"
    assert list(chunks) == [b"two "]
    assert stream.job.state == "completed"


def test_what_is_written_just_before_the_end_comes_too(stream: Stream) -> None:
    def write_and_complete() -> None:
        stream.write(b"x" * 200_000)()
        stream.complete()

    assert sum(map(len, stream.listen(stream.claim, write_and_complete))) == 200_000


def test_the_workers_error_is_raised_where_nothing_was_heard_yet(stream: Stream) -> None:
    with pytest.raises(InputError, match="the text is empty") as caught:
        next(stream.listen(stream.claim, stream.fail))
    assert caught.value.suggestions == ["Speak."]


def test_an_error_in_the_middle_breaks_the_stream(stream: Stream) -> None:
    chunks = stream.listen(stream.claim, stream.write(b"one "), stream.fail)
    next(chunks)
    with pytest.raises(BrokenStreamError, match="the text is empty"):
        next(chunks)


def test_a_worker_lost_before_the_first_byte_is_not_noticed(stream: Stream) -> None:
    steps = (stream.claim, stream.lose, stream.claim, stream.write(b"all"), stream.complete)
    assert b"".join(stream.listen(*steps)) == b"all"
    assert stream.job.attempt == 2


@pytest.mark.parametrize("goes_on", [False, True], ids=["waits again", "is made again"])
def test_a_worker_lost_in_the_middle_breaks_the_stream_and_nobody_makes_it_again(stream: Stream, goes_on: bool) -> None:
    def lose() -> None:
        stream.lose()
        if goes_on:
            stream.claim()
            stream.write(b"one ")()

    chunks = stream.listen(stream.claim, stream.write(b"one "), lose)
    next(chunks)
    with pytest.raises(BrokenStreamError, match="worker was lost"):
        next(chunks)
    assert stream.job.state == "cancelled"


def test_the_making_ends_when_the_listener_closes(stream: Stream) -> None:
    chunks = stream.listen(stream.claim, stream.write(b"one "))
    next(chunks)
    chunks.close()
    assert stream.job.state == "cancelled"


@pytest.mark.parametrize("heard", [True, False], ids=["in the middle", "before the first byte"])
def test_the_making_ends_when_the_connection_is_gone(stream: Stream, heard: bool) -> None:
    steps = (stream.write(b"one "),) if heard else ()
    assert b"".join(stream.listen(stream.claim, *steps, stream.hang_up)) == b"one " * heard
    assert stream.job.state == "cancelled"


def test_a_stream_that_no_worker_takes_is_given_up(stream: Stream) -> None:
    with pytest.raises(ServiceUnavailableError, match="No worker"):
        next(stream.listen(patience=0.05))
    assert stream.job.state == "cancelled"


def test_somebody_else_may_cancel(stream: Stream) -> None:
    with pytest.raises(CancelledError):
        next(stream.listen(stream.claim, lambda: stream.store.cancel(stream.job_id)))


def test_the_worker_knows_how_long_somebody_listens_at_least(stream: Stream) -> None:
    chunks = stream.listen(stream.claim, stream.write(b"one "))
    next(chunks)
    until = stream.job.listener_until
    assert until is not None
    assert stream.store.clock() < until <= stream.store.clock() + LISTENING_SECONDS
    chunks.close()


def test_a_database_that_fails_at_the_end_hides_nothing(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = stream.listen(stream.claim, stream.write(b"one "))
    next(chunks)

    def out_of_order(job_id: str) -> None:
        raise StorageError

    monkeypatch.setattr(stream.store, "cancel", out_of_order)
    chunks.close()
    assert stream.job.state == "processing"  # recovery ends it when the listener is overdue
