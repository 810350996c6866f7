"""One thread per process that watches the table for everybody who watches a job."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from auto_voice.errors import AutoVoiceError, CancelledError, ConversionNotFoundError
from auto_voice.jobs.job import Job
from auto_voice.web.errors import error_document
from auto_voice.web.jobs import job_document
from auto_voice.web.services import services
from auto_voice.web.status import iso_time

_LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.1
FRAME_SECONDS = 1.75
"""Longest time between two frames: two seconds are promised, and a busy machine is late."""
_ESTIMATE_SECONDS = 5.0
"""How old the estimates of a job that only waits may get; they cost more than the job itself."""

NORMAL, GOING_AWAY, GONE = 1000, 1001, 4404


@dataclass(frozen=True)
class Frame:
    """What a watcher is told.

    Attributes:
        text: a JSON document; empty where there is nothing more to say.
        close: the code to close the socket with after it; None where more will come.
        known_at: when that was so, by the monotonic clock.
    """

    text: str
    close: int | None = None
    known_at: float = field(default_factory=time.monotonic, compare=False)


def job_frame(job: Job, known_at: float, document: dict[str, Any] | None = None) -> Frame:
    """The frame that says how a job stands.

    Args:
        job: as it was read.
        known_at: before it was read, by the monotonic clock.
        document: its status, where that is made already.
    """
    document = document or job_document(job)
    kind = {"completed": "completed", "failed": "error", "cancelled": "error"}.get(job.state, "progress")
    if job.state == "cancelled":
        document = {**document, "error": _without_text(CancelledError())}
    text = json.dumps({"type": kind, **document, "timestamp": iso_time(time.time())})
    return Frame(text, NORMAL if job.ended else None, known_at)


def error_frame(error: AutoVoiceError, conversion_id: str, close: int) -> Frame:
    """The frame that says why a socket is closed."""
    document = {
        "type": "error",
        "conversion_id": conversion_id,
        "error": _without_text(error),
        "timestamp": iso_time(time.time()),
    }
    return Frame(json.dumps(document), close)


class Watch:
    """One socket's view of one job."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def tell(self, frame: Frame) -> None:
        """Called by the watching thread."""
        self._frames.put(frame)

    def next(self, after: float = 0.0) -> Frame:
        """The newest frame not taken yet; waits for one. What came before it is old by now.

        Args:
            after: what was known before that time is old, too.
        """
        while (frame := self._frames.get()).known_at < after:
            pass
        with contextlib.suppress(queue.Empty):
            while frame.close is None:
                frame = self._frames.get_nowait()
        return frame


@dataclass
class _Known:
    """What was last told of a job."""

    row: tuple[Any, ...]
    document: dict[str, Any]
    estimated_at: float
    told_at: float


class JobWatch:
    """Reads all watched jobs with one query, four times a second, and tells their watchers. Thread-safe.

    Args:
        app: whose jobs.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._watches: set[Watch] = set()
        self._known: dict[str, _Known] = {}
        self._thread: threading.Thread | None = None
        self._is_closing: Callable[[], bool] = lambda: False
        self._pause = threading.Event()

    def close_when(self, is_closing: Callable[[], bool]) -> None:
        """Say how to find out that this process is ending; all watchers are sent away then."""
        self._is_closing = is_closing

    @contextlib.contextmanager
    def watch(self, job_id: str) -> Iterator[Watch]:
        """Follow a job while the block runs."""
        watch = Watch(job_id)
        with self._lock:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-watch", daemon=True)
                self._thread.start()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.discard(watch)

    def _run(self) -> None:
        while watched := self._by_job():
            try:
                with self._app.app_context():
                    self._look(watched)
            except AutoVoiceError as error:
                _LOG.error("watched jobs cannot be read: %s", error.message)
            except Exception:
                _LOG.exception("watching jobs failed")
            self._pause.wait(POLL_SECONDS)

    def _by_job(self) -> dict[str, list[Watch]]:
        """The watchers of each job; where there are none, the thread may end."""
        with self._lock:
            watched: dict[str, list[Watch]] = {}
            for watch in self._watches:
                watched.setdefault(watch.job_id, []).append(watch)
            self._known = {job_id: known for job_id, known in self._known.items() if job_id in watched}
            if not watched:
                self._thread = None
            return watched

    def _look(self, watched: dict[str, list[Watch]]) -> None:
        if self._is_closing():
            for watches in watched.values():
                _tell(watches, Frame("", GOING_AWAY))
            return
        now = time.monotonic()
        found = services().jobs.many(watched)
        for job_id, watches in watched.items():
            job = found.get(job_id)
            if job is None:
                _tell(watches, error_frame(ConversionNotFoundError(), job_id, GONE))
            elif (frame := self._news(job, now)) is not None:
                _tell(watches, frame)

    def _news(self, job: Job, now: float) -> Frame | None:
        """What to tell of the job now, if anything."""
        row = (job.state, job.progress, job.stage, job.attempt)
        known = self._known.get(job.job_id)
        if known and known.row == row and now - known.told_at < FRAME_SECONDS:
            return None
        if known is None or known.row != row or now - known.estimated_at >= _ESTIMATE_SECONDS:
            known = _Known(row, job_document(job), now, now)
            self._known[job.job_id] = known
        known.told_at = now
        return job_frame(job, now, known.document)


def _tell(watches: list[Watch], frame: Frame) -> None:
    for watch in watches:
        watch.tell(frame)


def _without_text(error: AutoVoiceError) -> dict[str, Any]:
    """A job's error as its status gives it: the document without the field for older clients."""
    document = error_document(error)
    del document["error"]
    return document
