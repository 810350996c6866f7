"""Speech as it is made: a job that lives as long as somebody listens to it."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from typing import Any

from flask import Response, request

from auto_voice.audio.streaming import STREAM_TYPES
from auto_voice.errors import ConflictError, QueueFullError
from auto_voice.jobs.job import Job, NewJob
from auto_voice.monitoring.context import current_request_id
from auto_voice.web.caller import owner_for
from auto_voice.web.services import services
from auto_voice.web.tailing import LISTENING_SECONDS, tail
from auto_voice.web.voices import Speaker
from auto_voice.web.waiting import failure, line

_CHARACTERS_PER_SECOND = 15.0


def expected_seconds(text: str, speed: float) -> float:
    """About how long the speech will be: English is read with 15 characters a second."""
    return len(text) / _CHARACTERS_PER_SECOND / speed


def begin(text: str, speaker: Speaker, speed: float, format: str, pitch: float = 0.0) -> Job:
    """Have a text spoken for whoever asks, who is expected to `listen` at once.

    Raises:
        QueueFullError: too many listen already.
    """
    here = services()
    new = NewJob(
        kind="stream",
        owner=owner_for(None),
        parameters={"text": text, "voice": speaker.voice, "speed": speed, "pitch": pitch, "format": format},
        profile_id=speaker.profile_id,
        work_seconds=expected_seconds(text, speed),
        request_id=current_request_id(),
        listener_until=here.jobs.clock() + LISTENING_SECONDS,
    )
    job, _ = here.jobs.create(new)
    return job


def listen(job: Job) -> Generator[bytes, None, None]:
    """The bytes of the speech as they come; see `tail`. Closing it ends the making.

    Raises:
        QueueFullError: before the first byte, when too many requests of this process hold the line.
    """
    here = services()
    with contextlib.ExitStack() as cleanup:
        try:
            cleanup.enter_context(line())
        except QueueFullError:
            with contextlib.suppress(ConflictError):
                here.jobs.cancel(job.job_id)
            raise
        yield from tail(
            here.jobs,
            here.paths,
            job.job_id,
            f"speech.{job.parameters['format']}",
            patience=here.settings.server.timeout,
            gone=_connection_gone(),
        )


def spoken(job: Job) -> Job:
    """Wait for the whole speech; the job as it ended then.

    Raises:
        What the worker met.
        ServiceUnavailableError: no worker came to it in time.
    """
    for _ in listen(job):
        pass
    ended = services().jobs.get(job.job_id)
    if ended.state != "completed":
        raise failure(ended)
    return ended


def streamed(job: Job) -> Response:
    """The answer that sends the speech as it comes. Nothing is answered before its first byte: what goes wrong
    until then is raised, what goes wrong later breaks the connection off.
    """
    return _answer(listen(job), STREAM_TYPES[job.parameters["format"]], job)


def streamed_events(job: Job) -> Response:
    """The same as server-sent events, in the shape of OpenAI's API; characters stand for tokens, which we lack."""
    characters = len(job.parameters["text"])
    usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}

    def events(chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield _event("speech.audio.delta", audio=base64.b64encode(chunk).decode("ascii"))
        yield _event("speech.audio.done", usage=usage)

    return _answer(listen(job), "text/event-stream", job, events)


def _answer(
    chunks: Generator[bytes, None, None],
    media_type: str,
    job: Job,
    wrapped: Callable[[Iterable[bytes]], Iterable[bytes]] = iter,
) -> Response:
    first = next(chunks, b"")
    response = Response(wrapped(chain([first], chunks)), content_type=media_type)
    # However the answer ends, unsent included, nobody listens any more.
    response.call_on_close(chunks.close)
    response.cache_control.no_store = True
    response.headers["X-Job-ID"] = job.job_id
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep it back until it has a block's worth
    return response


def _event(kind: str, **content: Any) -> bytes:
    return f"data: {json.dumps({'type': kind, **content})}\n\n".encode("ascii")


def _connection_gone() -> Callable[[], bool]:
    """Tells whether the client has closed the connection of this request, without waiting for a write to fail."""
    connection: socket.socket | None = request.environ.get("gunicorn.socket")

    def gone() -> bool:
        try:
            return connection is not None and connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    return gone
