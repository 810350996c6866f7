"""Reading a job's file while a worker writes it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import BinaryIO

from auto_voice.errors import AutoVoiceError, ConflictError, ServiceUnavailableError, StorageError
from auto_voice.jobs.job import Job
from auto_voice.jobs.store import JobStore
from auto_voice.storage.paths import Paths
from auto_voice.web.waiting import failure

LISTENING_SECONDS = 10.0
"""How long the making goes on when nothing is heard of the listener: the web process may have been killed."""

_SAY_SO_SECONDS = 2.0
_LOOK_SECONDS = 0.04
_CHUNK_BYTES = 1 << 14


class BrokenStreamError(AutoVoiceError):
    """The speech broke off in the middle."""


def tail(
    jobs: JobStore,
    paths: Paths,
    job_id: str,
    file_name: str,
    *,
    patience: float,
    gone: Callable[[], bool] = lambda: False,
) -> Generator[bytes, None, None]:
    """The bytes of a stream's file as they are written, until the job has ended.

    However this ends, closing it included, nobody listens any more then: a job that has not ended is cancelled.

    Args:
        jobs: where the job is.
        paths: where its files are.
        job_id: a job of the kind `stream`.
        file_name: of the file, in the folder of the job's attempt.
        patience: seconds until there must be a first byte.
        gone: whether the listener has gone away, asked again and again; the bytes end there.

    Raises:
        AutoVoiceError: why there is nothing to hear, before the first byte: the job's own error.
        ServiceUnavailableError: no worker came to it in time.
        BrokenStreamError: what was handed out so far is not all, and the rest will not come.
    """
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(_stop, jobs, job_id)
        deadline = time.monotonic() + patience
        said_so, sent, attempt = float("-inf"), 0, 0
        file: BinaryIO | None = None
        while True:
            if gone():
                return
            if time.monotonic() - said_so > _SAY_SO_SECONDS:
                jobs.keep_listening(job_id, jobs.clock() + LISTENING_SECONDS)
                said_so = time.monotonic()
            # What is read from the file after the job has ended is all there will ever be.
            job = jobs.get(job_id)
            if sent and (job.attempt != attempt or job.state == "queued"):
                raise BrokenStreamError("The worker was lost.")
            if job.attempt != attempt:
                file, attempt = None, job.attempt
            file = file or _opened(paths.attempt_dir(job_id, job.attempt) / file_name, cleanup)
            chunk = file.read(_CHUNK_BYTES) if file else b""
            if chunk:
                sent += len(chunk)
                yield chunk
            elif job.ended:
                _check_end(job, sent)
                return
            elif not sent and time.monotonic() > deadline:
                raise ServiceUnavailableError("No worker came to it in time.")
            else:
                time.sleep(_LOOK_SECONDS)


def _opened(path: Path, cleanup: contextlib.ExitStack) -> BinaryIO | None:
    with contextlib.suppress(FileNotFoundError):
        return cleanup.enter_context(path.open("rb", buffering=0))
    return None


def _check_end(job: Job, sent: int) -> None:
    """Raise unless everything was handed out."""
    if job.state == "completed":
        return
    error = failure(job)
    if sent:
        raise BrokenStreamError(f"The speech broke off: {error.message}") from error
    raise error


def _stop(jobs: JobStore, job_id: str) -> None:
    """End the making, unless it has ended. What cannot be ended now ends when nobody is known to listen."""
    with contextlib.suppress(ConflictError, StorageError):
        jobs.cancel(job_id)
