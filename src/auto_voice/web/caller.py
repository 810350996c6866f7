"""Who sends the request, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from flask import g

from auto_voice.errors import AutoVoiceError, NotFoundError
from auto_voice.profiles.profile import clean_user_id

Role = Literal["user", "admin"]
ANYBODY = "default"
"""The owner of what is made without keys and without a `user_id`."""


@dataclass(frozen=True)
class Caller:
    """The one a request comes from.

    Attributes:
        username: the key's user; None where no keys are needed.
        role: what the user may do; "admin" where no keys are needed.
        key_id: the public part of the key, for limits and logs.
    """

    username: str | None
    role: Role
    key_id: str | None = None


def set_caller(caller: Caller) -> None:
    """Remember who sends this request."""
    g.caller = caller


def caller() -> Caller:
    """Who sends this request; every route but the open ones has one."""
    return cast(Caller, g.caller)


def known_caller() -> Caller | None:
    """As `caller`; None on the open routes."""
    return cast("Caller | None", g.get("caller"))


def owner_for(user_id: str | None, refusal: AutoVoiceError | None = None) -> str:
    """The owner of what is made or asked for.

    Args:
        user_id: as given in the form or query.
        refusal: raised where a user names somebody else: what is not yours does not exist.
    """
    who = caller()
    wanted = None if user_id is None else clean_user_id(user_id)
    if who.username is None:
        return wanted or ANYBODY
    if wanted not in (None, who.username) and who.role != "admin":
        raise refusal or no_such_user()
    acts_for(wanted or who.username)
    return wanted or who.username


def no_such_user(kind: type[NotFoundError] = NotFoundError) -> NotFoundError:
    """What somebody is told who names another user, whether there is one or not."""
    advice = "Leave `user_id` out, or name yourself; administrators may name others."
    return kind("There is no such user here.", suggestions=[advice])


def acts_for(owner: str) -> None:
    """Remember whose things the request turned out to be about; an admin changing another's is in the audit log."""
    if caller().username not in (None, owner):
        g.acted_for = owner


def visible_owner(user_id: str | None, refusal: AutoVoiceError) -> str | None:
    """Whose things the request may see by their id: None for everybody's (an admin, or no keys, naming nobody)."""
    who = caller()
    if user_id is None and (who.username is None or who.role == "admin"):
        return None
    return owner_for(user_id, refusal)
