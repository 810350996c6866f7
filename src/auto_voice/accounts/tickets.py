"""One-time tickets: a browser cannot send a key with a WebSocket, and a key has no business in an address."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

from sqlalchemy import delete, insert, select

from auto_voice.accounts.key_text import sha256_of
from auto_voice.accounts.users import Identity, Role
from auto_voice.database import Database
from auto_voice.database.tables import socket_tickets, users

VALID_SECONDS = 60
_TICKET = re.compile(r"avt_[0-9a-f]{64}")


class Tickets:
    """Issues and takes back tickets. Thread-safe; a ticket from one process opens at any other."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def issue(self, username: str, role: Role, job_id: str) -> str:
        """A ticket for one WebSocket on one job, which the user may see, within `VALID_SECONDS`."""
        ticket, now = f"avt_{secrets.token_hex(32)}", self._clock()
        with self._database.write() as connection:
            connection.execute(delete(socket_tickets).where(socket_tickets.c.expires_at <= now))
            connection.execute(
                insert(socket_tickets).values(
                    ticket_sha256=sha256_of(ticket),
                    username=username,
                    role=role,
                    job_id=job_id,
                    expires_at=now + VALID_SECONDS,
                )
            )
        return ticket

    def redeem(self, ticket: str, job_id: str) -> Identity | None:
        """The one a ticket speaks for, or None where it does not open that job. Any try uses it up.

        Of several tries at the same time one succeeds: the row can be deleted only once.
        """
        if not _TICKET.fullmatch(ticket):
            return None
        table, now = socket_tickets, self._clock()
        with self._database.write() as connection:
            taken = delete(table).where(table.c.ticket_sha256 == sha256_of(ticket)).returning(table)
            row = connection.execute(taken).mappings().one_or_none()
            # After the clock was set back a ticket lives no longer than it should either.
            if row is None or row["job_id"] != job_id or not 0 < row["expires_at"] - now <= VALID_SECONDS:
                return None
            user = select(users.c.role).where(users.c.username == row["username"], users.c.disabled_at.is_(None))
            role = connection.execute(user).scalar_one_or_none()
        return None if role is None else Identity(row["username"], role)
