"""A worker for requests that hold the line: it ends every interactive job as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from auto_voice.errors import AutoVoiceError
from auto_voice.jobs.job import Job
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.web.errors import error_document
from web_house import WebHouse

_PAUSE_SECONDS = 0.01


@contextmanager
def line_worker(house: WebHouse, work: Callable[[Job], dict[str, Any]]) -> Iterator[list[Job]]:
    """A worker that is alive while the block runs. `work` gives a job's result, or raises its error.

    Yields the jobs that it has taken.
    """
    jobs, taken, ends = house.services.jobs, list[Job](), threading.Event()
    registry = WorkerRegistry(house.services.database)
    registry.hello("line", state="ready")

    def run() -> None:
        while not ends.wait(_PAUSE_SECONDS):
            job = jobs.claim("line", "interactive")
            if job is None:
                continue
            taken.append(job)
            try:
                jobs.complete(job, work(job))
            except AutoVoiceError as error:
                jobs.fail(job, error_document(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield taken
    finally:
        ends.set()
        thread.join()
        registry.gone("line")
