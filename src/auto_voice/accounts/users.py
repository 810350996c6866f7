"""What is known of users and their keys, and what comes of showing a key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from auto_voice.errors import InvalidParametersError

Role = Literal["user", "admin"]
ROLES: tuple[Role, ...] = ("user", "admin")

Refused = Literal["not_a_key", "unknown", "revoked", "expired", "user_disabled"]
"""Why a key does not open: `unknown` is an id that was never given out, or a wrong secret. Never told to the client."""

_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class User:
    """Someone who may have keys. Times are epoch seconds."""

    username: str
    role: Role
    created_at: float
    disabled_at: float | None


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key as it is listed: everything but its secret. Times are epoch seconds; `last_used_at` is to the minute."""

    key_id: str
    username: str
    label: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None

    def state(self, now: float) -> Literal["valid", "revoked", "expired"]:
        """What it is good for at that time (epoch seconds); its user may be disabled all the same."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


@dataclass(frozen=True)
class Identity:
    """The one a valid key or ticket speaks for.

    Attributes:
        username: whose it is.
        role: what that user may do.
        key_id: the public part of the key; None for a ticket.
    """

    username: str
    role: Role
    key_id: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A key that does not open.

    Attributes:
        reason: why.
        key_id: the public part, where the key was one of ours.
        username: whose it is, where its secret was right.
    """

    reason: Refused
    key_id: str | None = None
    username: str | None = None


def clean_username(text: str) -> str:
    """A username, checked: 1 to 64 letters, digits and `._@+-`, beginning with a letter or digit.

    Raises:
        InvalidParametersError: it is anything else.
    """
    if not _USERNAME.fullmatch(text):
        raise InvalidParametersError(
            "A username has 1 to 64 letters, digits and . _ @ + - and begins with a letter or digit."
        )
    return text
