"""How fast work is done here, learned from the jobs that were done before."""

from __future__ import annotations

import math
import statistics
import threading
import time

from sqlalchemy import ColumnElement, Connection, case, func, select

from auto_voice.config import Settings
from auto_voice.database.tables import jobs
from auto_voice.jobs.job import Kind

_LEARN_FROM = 200
_PER_PRESET = 50
_REMEMBER_SECONDS = 10.0
_USUAL_WORK: dict[Kind, float] = {
    "conversion": 210.0,
    "speech": 60.0,
    "stream": 10.0,
    "clone": 60.0,
    "adaptation": 60.0,
    "analysis": 30.0,
}
"""Seconds of sound of a job that doesn't say how many it has."""
_FIRST_GUESS: dict[tuple[Kind, str | None], float] = {
    ("conversion", "fast"): 1.0,
    ("conversion", "balanced"): 4.0,
    ("conversion", "quality"): 6.0,
    ("speech", None): 0.5,
    ("stream", None): 0.5,
    ("clone", None): 0.5,
    ("adaptation", None): 4.0,
    ("analysis", None): 0.5,
}
"""Seconds of work for one second of sound, until there are finished jobs to learn from: a slow machine's."""


def preset_of(settings: Settings) -> ColumnElement[str | None]:
    """The preset of a row of `jobs`: what parts conversions by their pace, None for all other kinds."""
    given = func.coalesce(jobs.c.parameters["preset"].as_string(), settings.quality.default_preset)
    return case((jobs.c.kind == "conversion", given))


class Pace:
    """Seconds of work for a second of sound: the median of recent jobs of a kind and preset. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._learned: dict[Kind, tuple[float, dict[str | None, float]]] = {}

    def seconds(self, connection: Connection, kind: Kind, preset: str | None, work_seconds: float | None) -> float:
        """How long such a job is worked on.

        Args:
            connection: reading.
            kind: of the job.
            preset: of a conversion; None for any other kind.
            work_seconds: how much sound there is; None for a usual amount.
        """
        paces = self._paces(connection, kind)
        return paces.get(preset, _FIRST_GUESS[kind, preset]) * (work_seconds or _USUAL_WORK[kind])

    def _paces(self, connection: Connection, kind: Kind) -> dict[str | None, float]:
        """By preset; looked up anew every few seconds."""
        now = time.monotonic()
        with self._lock:
            looked_up, paces = self._learned.get(kind, (-math.inf, {}))
        if now - looked_up < _REMEMBER_SECONDS:
            return paces
        paces = self._learn(connection, kind)
        with self._lock:
            self._learned[kind] = now, paces
        return paces

    def _learn(self, connection: Connection, kind: Kind) -> dict[str | None, float]:
        recent = (
            select(preset_of(self._settings), jobs.c.work_seconds, jobs.c.attempt_at, jobs.c.finished_at)
            .where(jobs.c.kind == kind, jobs.c.state == "completed", jobs.c.work_seconds > 0)
            .where(jobs.c.attempt == 1)  # a later attempt found much of the work done
            .where(jobs.c.finished_at > jobs.c.attempt_at)  # a clock that was set back tells nothing
            .order_by(jobs.c.finished_at.desc())
            .limit(_LEARN_FROM)
        )
        paces: dict[str | None, list[float]] = {}
        for preset, work_seconds, began, ended in connection.execute(recent):
            paces.setdefault(preset, []).append((ended - began) / work_seconds)
        return {preset: statistics.median(seen[:_PER_PRESET]) for preset, seen in paces.items()}
