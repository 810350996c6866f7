"""The noun of the service: one piece of work for one owner."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["conversion", "speech", "stream", "clone", "adaptation", "analysis"]
"""A song in another voice · a text to a file · a text as it is spoken · a voice learnt · the converter fitted to one ·
features of a recording."""

Lane = Literal["batch", "interactive"]
"""Batch work waits for its turn; somebody is holding the line for interactive work, so it has slots of its own."""

State = Literal["queued", "processing", "completed", "failed", "cancelled"]

LANES: dict[Kind, Lane] = {
    "conversion": "batch",
    "speech": "batch",
    "adaptation": "batch",
    "stream": "interactive",
    "clone": "interactive",
    "analysis": "interactive",
}
ENDED: tuple[State, ...] = ("completed", "failed", "cancelled")


def new_job_id() -> str:
    """A fresh id: `conv-` and a version 4 UUID."""
    return f"conv-{uuid.uuid4()}"


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """What is asked for; the store makes a `Job` of it.

    Attributes:
        kind: what to do.
        owner: for whom.
        parameters: of that kind, checked; see the worker's executor of the kind.
        job_id: its uploaded files are in its folder under this id already.
        input_hash: SHA-256 of the uploaded bytes, hexadecimal.
        profile_id: the voice it uses.
        work_seconds: how much sound there is to work on; for estimates.
        priority: higher goes first; 0 is usual.
        request_id: of the HTTP request, for the logs.
        listener_until: for streams; epoch seconds.
    """

    kind: Kind
    owner: str
    parameters: dict[str, Any]
    job_id: str = field(default_factory=new_job_id)
    input_hash: str | None = None
    profile_id: str | None = None
    work_seconds: float | None = None
    priority: int = 0
    request_id: str | None = None
    listener_until: float | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of the table `jobs`, as it was when it was read. `database.tables` explains the columns."""

    job_id: str
    kind: Kind
    lane: Lane
    owner: str
    priority: int
    state: State
    progress: float
    stage: str | None
    parameters: dict[str, Any]
    input_hash: str | None
    profile_id: str | None
    work_seconds: float | None
    attempt: int
    losses: int
    worker_id: str | None
    lease_until: float | None
    listener_until: float | None
    error: dict[str, Any] | None
    result: dict[str, Any] | None
    history: list[dict[str, Any]]
    request_id: str | None
    created_at: float
    queued_at: float
    started_at: float | None
    attempt_at: float | None
    finished_at: float | None
    files_expired: bool

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.state in ENDED
