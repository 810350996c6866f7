"""Users and their keys."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from auto_voice.accounts.audit import CONSOLE, record
from auto_voice.accounts.key_text import new_key, parse_key, sha256_of
from auto_voice.accounts.users import ROLES, Identity, Key, Refusal, Role, User, clean_username
from auto_voice.database import Database
from auto_voice.database.tables import api_keys, users
from auto_voice.errors import ConflictError, InvalidParametersError, NotFoundError, StorageError

_LOG = logging.getLogger(__name__)
_KEY_COLUMNS = [column for column in api_keys.c if column is not api_keys.c.secret_sha256]
_LONGEST_LABEL = 200
_MINUTE = 60
_NO_HASH = sha256_of("")


class Accounts:
    """Who may come in. Thread-safe; what one process changes holds for all others with their next request."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create_user(self, username: str, role: Role = "user", *, actor: str = CONSOLE) -> User:
        """Make a user.

        Raises:
            ConflictError: there is one of that name.
            InvalidParametersError: the name or the role is not one.
        """
        username = clean_username(username)
        if role not in ROLES:
            raise InvalidParametersError(f"There is no role {role!r}; there are {', '.join(ROLES)}.")
        now = self._clock()
        try:
            with self._database.write() as connection:
                connection.execute(insert(users).values(username=username, role=role, created_at=now))
                record(connection, now, actor, "user_created", username, details={"role": role})
        except IntegrityError:
            raise ConflictError(
                f"There is a user {username} already.",
                suggestions=[f"A further key:  autovoice keys create --user {username}"],
            ) from None
        return User(username=username, role=role, created_at=now, disabled_at=None)

    def user(self, username: str) -> User:
        """That user. Raises NotFoundError."""
        with self._database.read() as connection:
            return _user(connection, username)

    def list_users(self) -> list[User]:
        """Everybody, by name."""
        with self._database.read() as connection:
            return [User(**row) for row in connection.execute(select(users).order_by(users.c.username)).mappings()]

    def disable_user(self, username: str, *, actor: str = CONSOLE) -> User:
        """Shut all keys of a user out, those to come too, until `enable_user`. Raises NotFoundError."""
        return self._set_disabled(username, self._clock(), actor)

    def enable_user(self, username: str, *, actor: str = CONSOLE) -> User:
        """Let a user's keys in again, but those revoked or expired. Raises NotFoundError."""
        return self._set_disabled(username, None, actor)

    def issue_key(
        self, username: str, *, label: str = "", valid_seconds: float | None = None, actor: str = CONSOLE
    ) -> str:
        """Make a key.

        Args:
            username: whose it is to be.
            label: what it is for, in the lists.
            valid_seconds: how long it is valid; None: until it is revoked.
            actor: who made it, for the audit log.

        Returns:
            The key. It is not kept and can never be shown again.

        Raises:
            NotFoundError: no such user.
            InvalidParametersError: the label is too long, or the time is not above 0.
        """
        label = label.strip()
        if len(label) > _LONGEST_LABEL or not label.isprintable():
            raise InvalidParametersError(f"A key's label is a line of at most {_LONGEST_LABEL} characters.")
        if valid_seconds is not None and not 0 < valid_seconds < float("inf"):
            raise InvalidParametersError("A key has to be valid for some time.")
        key, now = new_key(), self._clock()
        expires_at = None if valid_seconds is None else now + valid_seconds
        with self._database.write() as connection:
            owner = _user(connection, username)
            connection.execute(
                insert(api_keys).values(
                    key_id=key.key_id,
                    username=owner.username,
                    label=label,
                    secret_sha256=key.secret_sha256,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
            record(connection, now, actor, "key_created", key.key_id, details={"username": owner.username})
        return key.text

    def list_keys(self, username: str | None = None) -> list[Key]:
        """The keys there are and were, oldest first; only one user's where named. Never with their secrets."""
        query = select(*_KEY_COLUMNS).order_by(api_keys.c.created_at, api_keys.c.key_id)
        if username is not None:
            query = query.where(api_keys.c.username == username)
        with self._database.read() as connection:
            return [Key(**row) for row in connection.execute(query).mappings()]

    def revoke(self, key_id: str, *, actor: str = CONSOLE) -> Key:
        """End a key for good; one that was revoked stays so.

        Raises:
            NotFoundError: no key has that public part.
        """
        now, which = self._clock(), api_keys.c.key_id == key_id
        with self._database.write() as connection:
            ended = connection.execute(
                update(api_keys).where(which, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
            )
            row = connection.execute(select(*_KEY_COLUMNS).where(which)).mappings().one_or_none()
            if row is None:
                raise NotFoundError(
                    f"There is no key {key_id[:40]!r}.", suggestions=["`autovoice keys list` shows them."]
                )
            if ended.rowcount:
                record(connection, now, actor, "key_revoked", key_id, details={"username": row["username"]})
        return Key(**row)

    def authenticate(self, text: str) -> Identity | None:
        """The one a key speaks for, or None; see `examine`."""
        found = self.examine(text)
        return found if isinstance(found, Identity) else None

    def examine(self, text: str) -> Identity | Refusal:
        """The one a key speaks for, or why it does not open. Takes as long for an unknown id as for a wrong secret.

        Raises:
            StorageError: the database cannot be read.
        """
        key = parse_key(text)
        if key is None:
            return Refusal("not_a_key")
        now = self._clock()
        row = self._row(key.key_id)
        right = hmac.compare_digest(key.secret_sha256, _NO_HASH if row is None else str(row["secret_sha256"]))
        if row is None or not right:
            return Refusal("unknown", key.key_id)
        known = {"key_id": key.key_id, "username": str(row["username"])}
        if row["revoked_at"] is not None:
            return Refusal("revoked", **known)
        if row["expires_at"] is not None and row["expires_at"] <= now:
            return Refusal("expired", **known)
        if row["disabled_at"] is not None:
            return Refusal("user_disabled", **known)
        self._note_use(key.key_id, row["last_used_at"], now)
        return Identity(role=row["role"], **known)

    def _row(self, key_id: str) -> RowMapping | None:
        query = (
            select(api_keys, users.c.role, users.c.disabled_at)
            .join(users, users.c.username == api_keys.c.username)
            .where(api_keys.c.key_id == key_id)
        )
        with self._database.read() as connection:
            return connection.execute(query).mappings().one_or_none()

    def _note_use(self, key_id: str, last_used_at: float | None, now: float) -> None:
        """Keep when a key was last used, to the minute, so that not every request writes."""
        minute = now // _MINUTE * _MINUTE
        if last_used_at is not None and last_used_at >= minute:
            return
        older = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < minute)
        try:
            with self._database.write() as connection:
                connection.execute(
                    update(api_keys).where(api_keys.c.key_id == key_id, older).values(last_used_at=minute)
                )
        except StorageError as error:  # a full disk keeps nobody from fetching a result
            _LOG.warning("when a key was used could not be kept: %s", error.message)

    def _set_disabled(self, username: str, at: float | None, actor: str) -> User:
        with self._database.write() as connection:
            before = _user(connection, username)
            if (before.disabled_at is None) != (at is None):
                values: dict[str, Any] = {"disabled_at": at}
                connection.execute(update(users).where(users.c.username == username).values(values))
                record(connection, self._clock(), actor, "user_enabled" if at is None else "user_disabled", username)
            return _user(connection, username)


def _user(connection: Connection, username: str) -> User:
    row = connection.execute(select(users).where(users.c.username == username)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no user {username[:64]!r}.", suggestions=["`autovoice keys create --user NAME --role user`"]
        )
    return User(**row)
