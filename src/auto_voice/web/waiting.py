"""Work that somebody holds the line for: the request waits until a worker has done it, and answers with its end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import cast

from flask import Flask, current_app

from auto_voice.config import Settings
from auto_voice.errors import AutoVoiceError, CancelledError, ConflictError, QueueFullError, ServiceUnavailableError
from auto_voice.jobs.job import Job
from auto_voice.jobs.workers import WorkerRegistry, silence_seconds
from auto_voice.web.services import services

_POLL_SECONDS = 0.05
_RETRY_SECONDS = 10
_EXTENSION = "auto_voice.lines"


def init_app(app: Flask, settings: Settings) -> None:
    """Let half of the threads hold the line at most: the others are for those who only ask."""
    app.extensions[_EXTENSION] = threading.BoundedSemaphore(max(1, settings.server.threads // 2))


@contextlib.contextmanager
def line() -> Iterator[None]:
    """One of the lines of this process, while the block runs. Raises QueueFullError when all are taken."""
    lines = cast(threading.BoundedSemaphore, current_app.extensions[_EXTENSION])
    if not lines.acquire(blocking=False):
        raise QueueFullError(
            "Too many requests wait for their work at the same time.", retry_after_seconds=_RETRY_SECONDS
        )
    try:
        yield
    finally:
        lines.release()


def require_worker() -> None:
    """Raise ServiceUnavailableError where no worker is alive to take the work."""
    here = services()
    alive = WorkerRegistry(here.database).alive(silence_seconds(here.settings))
    if all(worker.state == "draining" for worker in alive):
        raise ServiceUnavailableError(
            "No worker is there to take this.",
            suggestions=["Ask again in a moment; `/health` tells when a worker is there."],
            retry_after_seconds=_RETRY_SECONDS,
        )


def wait_for(job: Job, seconds: float | None = None, *, goes_on: bool = False) -> Job:
    """Wait until the job is completed. A job that is not in time is cancelled, as nobody would fetch its result.

    Args:
        job: made just now, or found by its Idempotency-Key.
        seconds: how long; `server.timeout` when not given.
        goes_on: do not cancel it: the client has an Idempotency-Key to ask for its end once more.

    Raises:
        ServiceUnavailableError: it took too long.
        The error that the worker met, with its own code and status; CancelledError: somebody cancelled it.
    """
    jobs = services().jobs
    longest = services().settings.server.timeout if seconds is None else seconds
    deadline = time.monotonic() + longest
    while not job.ended:
        if time.monotonic() > deadline and goes_on:
            raise ServiceUnavailableError(
                f"This takes longer than {longest:g} s, and goes on.",
                suggestions=["Send the same request with the same Idempotency-Key to hear how it ends."],
            )
        if time.monotonic() > deadline:
            # It may end in this very moment: then what it ended with counts.
            with contextlib.suppress(ConflictError):
                jobs.cancel(job.job_id)
                raise ServiceUnavailableError(
                    f"This took longer than {longest:g} s and was given up.",
                    suggestions=["Ask again when the service is less busy, or send less."],
                )
        else:
            time.sleep(_POLL_SECONDS)
        job = jobs.get(job.job_id)
    if job.state != "completed":
        raise failure(job)
    return job


def failure(job: Job) -> AutoVoiceError:
    """Why an ended job was not completed: the worker's error, of the kind that has its code, so with its status."""
    if job.state == "cancelled":
        return CancelledError("The work was cancelled before it was done.")
    document = job.error or {}
    code = document.get("code")
    kind = next((kind for kind in _kinds(AutoVoiceError) if kind.code == code), AutoVoiceError)
    details = document.get("details") or {}
    return kind(document.get("message"), suggestions=details.get("suggestions"))


def _kinds(base: type[AutoVoiceError]) -> Iterator[type[AutoVoiceError]]:
    """The tree of errors, every parent before its children: of those that share a code the general one is meant."""
    yield base
    for child in base.__subclasses__():
        yield from _kinds(child)
