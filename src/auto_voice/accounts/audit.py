"""The audit log: who did what that matters for security, when and from where. Never a secret, text or file name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Connection, delete, insert, select

from auto_voice.database import Database
from auto_voice.database.tables import audit_log

Act = Literal[
    "user_created",
    "user_disabled",
    "user_enabled",
    "key_created",
    "key_revoked",
    "key_refused",
    "keys_guessed",
    "voice_created",
    "voice_adapted",
    "voice_deleted",
    "voice_exported",
    "voice_imported",
    "acted_for",
]
ACTS: tuple[Act, ...] = get_args(Act)

NOBODY = "-"
"""The actor where nobody was recognised."""

CONSOLE = "@console"
"""The actor of the command line on the service's own machine; no username begins so."""

_LONGEST = {"actor": 200, "address": 64, "request_id": 64}
_LONGEST_TARGET = 500


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log; `at` is in epoch seconds."""

    entry_id: int
    at: float
    actor: str
    act: str
    target: str
    address: str
    request_id: str
    details: dict[str, Any]


class Audit:
    """Writes and reads the log. Thread-safe."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def record(
        self,
        actor: str,
        act: Act,
        target: str = "",
        *,
        address: str = "",
        request_id: str = "",
        details: Mapping[str, str | int | float | None] | None = None,
    ) -> None:
        """Write one entry.

        Args:
            actor: a username, NOBODY or CONSOLE.
            act: what was done.
            target: the id of what it was done to: a key's public part, a profile, a job, a username.
            address: the client's.
            request_id: of the HTTP request, which is in the other logs too.
            details: ids and numbers only; no secrets, no texts, no file names.

        Raises:
            StorageError: it could not be written.
        """
        with self._database.write() as connection:
            record(
                connection,
                self._clock(),
                actor,
                act,
                target,
                address=address,
                request_id=request_id,
                details=details,
            )

    def list(
        self, *, limit: int = 100, actor: str | None = None, acts: Sequence[str] = (), since: float | None = None
    ) -> list[Entry]:
        """The newest entries first.

        Args:
            limit: at most so many.
            actor: only this one's.
            acts: only these.
            since: not before this time, epoch seconds.
        """
        query = select(audit_log).order_by(audit_log.c.entry_id.desc()).limit(limit)
        if actor is not None:
            query = query.where(audit_log.c.actor == actor)
        if acts:
            query = query.where(audit_log.c.act.in_(acts))
        if since is not None:
            query = query.where(audit_log.c.at >= since)
        with self._database.read() as connection:
            return [Entry(**row) for row in connection.execute(query).mappings()]

    def forget(self, before: float) -> int:
        """Remove the entries older than that time (epoch seconds). Returns how many there were."""
        with self._database.write() as connection:
            return connection.execute(delete(audit_log).where(audit_log.c.at < before)).rowcount


def record(
    connection: Connection,
    now: float,
    actor: str,
    act: Act,
    target: str = "",
    *,
    address: str = "",
    request_id: str = "",
    details: Mapping[str, str | int | float | None] | None = None,
) -> None:
    """Write an entry in the transaction of what it tells about, so that there is never one without the other."""
    connection.execute(
        insert(audit_log).values(
            at=now,
            actor=actor[: _LONGEST["actor"]],
            act=act,
            target=target[:_LONGEST_TARGET],
            address=address[: _LONGEST["address"]],
            request_id=request_id[: _LONGEST["request_id"]],
            details=dict(details or {}),
        )
    )
