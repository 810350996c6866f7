"""How the service stands, looked up at most once a second and never waited for long."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass, field
from typing import Any, cast

from flask import Flask, current_app

from auto_voice.errors import AutoVoiceError
from auto_voice.jobs.workers import WorkerInfo, WorkerRegistry, silence_seconds
from auto_voice.storage.cache import open_room
from auto_voice.web.services import Services

_LOG = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
PATIENCE_SECONDS = 2.0
"""A database or a disk that takes longer counts as gone."""

_CACHE_SIZE_SECONDS = 60.0
_EXTENSION = "auto_voice.facts"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one look saw.

    Attributes:
        taken_at: seconds of the monotonic clock.
        problem: why the database or the data folder cannot be used; the numbers below are missing then.
        workers: those alive.
        queued: jobs that wait, by lane.
        processing: jobs that run, by lane.
        active_conversions: conversions that run.
        free_bytes: room on the fullest of the disks that hold our folders.
        cache_bytes: size of the cache, at most a minute old; None until it has been measured once.
    """

    taken_at: float
    problem: str | None = None
    workers: Sequence[WorkerInfo] = ()
    queued: dict[str, int] = field(default_factory=dict)
    processing: dict[str, int] = field(default_factory=dict)
    active_conversions: int = 0
    free_bytes: int = 0
    cache_bytes: int | None = None

    @property
    def gpus(self) -> list[dict[str, Any]]:
        """The GPUs the workers use, as they describe them."""
        return [worker.details["gpu"] for worker in self.workers if worker.details.get("gpu")]

    @property
    def models(self) -> list[str]:
        """The models that some worker holds in memory, sorted."""
        return sorted({model for worker in self.workers for model in worker.details.get("models", [])})


class FactWatch:
    """Looks when it is asked, for all who ask at the same time. Thread-safe.

    Args:
        services: what is looked at.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._workers = WorkerRegistry(services.database)
        self._lock = threading.Lock()
        self._known: Facts | None = None
        self._look: Future[Facts] | None = None
        self._look_began = 0.0
        self._cache_bytes: int | None = None
        self._cache_measured = float("-inf")

    def now(self) -> Facts:
        """The facts, at most a second old; after two seconds without an answer, that there is none."""
        with self._lock:
            began = time.monotonic()
            if self._known is not None and began - self._known.taken_at < FRESH_SECONDS:
                return self._known
            if self._look is None or self._look.done():
                self._look, self._look_began = Future(), began
                threading.Thread(target=self._take, args=(self._look,), name="facts", daemon=True).start()
            look, patience = self._look, PATIENCE_SECONDS - (began - self._look_began)
        try:
            return look.result(timeout=max(0.0, patience))
        except TimeoutError:
            return Facts(
                taken_at=began, problem=f"The database or the data folder gave no answer in {PATIENCE_SECONDS:.0f} s."
            )

    def _take(self, look: Future[Facts]) -> None:
        try:
            facts = self._see()
        except AutoVoiceError as error:
            facts = Facts(taken_at=time.monotonic(), problem=error.message)
        except Exception as error:  # whoever waits must hear of it
            _LOG.exception("the service's state cannot be told")
            facts = Facts(
                taken_at=time.monotonic(), problem=f"Something unexpected went wrong: {type(error).__name__}."
            )
        with self._lock:
            self._known = facts
        look.set_result(facts)

    def _see(self) -> Facts:
        services = self._services
        with services.database.write():  # begins and ends a transaction: a database that only reads takes no jobs
            pass
        depth = services.jobs.depth()
        self._measure_cache()
        return Facts(
            taken_at=time.monotonic(),
            workers=self._workers.alive(silence_seconds(services.settings)),
            queued=depth["queued"],
            processing=depth["processing"],
            active_conversions=services.jobs.count(kinds=("conversion",), states=("processing",)),
            free_bytes=self._free_bytes(),
            cache_bytes=self._cache_bytes,
        )

    def _free_bytes(self) -> int:
        """Room on the fullest disk; a folder that is not made yet is where its parent is."""
        storage = self._services.settings.storage
        free = []
        for folder in (storage.data_dir, storage.cache_dir, storage.temp_dir, storage.conversions_dir):
            there = next(path for path in (folder, *folder.parents) if path.exists())
            status = os.statvfs(there)
            free.append(status.f_bavail * status.f_frsize)
        return min(free)

    def _measure_cache(self) -> None:
        """Add the cache's files up in the background: there may be many thousands."""
        if time.monotonic() - self._cache_measured > _CACHE_SIZE_SECONDS:
            self._cache_measured = time.monotonic()
            threading.Thread(target=self._add_up, name="cache size", daemon=True).start()

    def _add_up(self) -> None:
        self._cache_bytes = sum(entry.size for entry in open_room(self._services.settings).entries())


def init_app(app: Flask, services: Services) -> None:
    """Give the app its watch."""
    app.extensions[_EXTENSION] = FactWatch(services)


def fact_watch() -> FactWatch:
    """The watch of the running app."""
    return cast(FactWatch, current_app.extensions[_EXTENSION])
