"""`autovoice keys create|list|revoke`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from auto_voice.cli.output import emit, emit_json, json_option, say, table
from auto_voice.cli.session import current_settings
from auto_voice.cli.times import duration, iso, shown
from auto_voice.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from auto_voice.accounts import Accounts, Key, Role
    from auto_voice.database import Database


@click.group()
def keys() -> None:
    """Create, list and revoke the keys to the service.

    A key is `av_ID_SECRET`. It is shown once, when it is made; lists and logs have only its ID.
    """


@keys.command()
@click.option("--user", "username", required=True, metavar="NAME", help="Whose key it is.")
@click.option("--role", type=click.Choice(["user", "admin"]), help="Make the user, with this role, if there is none.")
@click.option("--label", default="", metavar="TEXT", help="What the key is for.")
@click.option("--expires", type=duration, metavar="TIME", help="How long it is valid: 90d, 12h. Else until revoked.")
@json_option
def create(username: str, role: Role | None, label: str, expires: float | None, as_json: bool) -> None:
    """Make a key and print it, this once."""
    from auto_voice.accounts import Accounts

    database = _database()
    accounts = Accounts(database)
    _see_to_user(accounts, username, role)
    key = accounts.issue_key(username, label=label, valid_seconds=expires)
    made = next(each for each in accounts.list_keys(username) if key.startswith(f"av_{each.key_id}_"))
    if as_json:
        emit_json({"key": key, **_document(made, time.time())})
    else:
        emit(key)
        say(f"{username}'s key, for the service that uses {database.address}. Store it now: it is not shown again.")


@keys.command("list")
@click.option("--user", "username", metavar="NAME", help="Only this user's keys.")
@json_option
def list_(username: str | None, as_json: bool) -> None:
    """List the keys there are and were, oldest first; never their secrets."""
    found, now = _accounts().list_keys(username), time.time()
    if as_json:
        emit_json({"keys": [_document(key, now) for key in found]})
    elif found:
        rows = [
            (
                key.key_id,
                key.username,
                key.state(now),
                key.label,
                shown(key.created_at),
                shown(key.expires_at, "never"),
                shown(key.last_used_at, "never"),
            )
            for key in found
        ]
        emit(table(("id", "user", "state", "label", "made", "expires", "last used"), rows))
    else:
        say("There are no keys yet. Make one:  autovoice keys create --user NAME --role user")


@keys.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--user", "username", metavar="NAME", help="All keys of this user.")
@json_option
def revoke(ids: tuple[str, ...], username: str | None, as_json: bool) -> None:
    """End keys, by their IDs or whole, for good and with the next request."""
    from auto_voice.accounts.key_text import parse_key

    if bool(ids) == bool(username):
        raise click.UsageError("name either the keys or, with --user, whose")
    accounts = _accounts()
    if username:
        wanted = [key.key_id for key in accounts.list_keys(accounts.user(username).username) if key.revoked_at is None]
    else:
        # A whole key, pasted, does as well; it must not come back in a message.
        parsed = {text: parse_key(text) for text in ids}
        wanted = [key.key_id if key else text.removeprefix("av_") for text, key in parsed.items()]
        known = {key.key_id for key in accounts.list_keys()}
        if unknown := [each for each in wanted if each not in known]:
            raise NotFoundError(
                f"There is no key {unknown[0][:16]!r}; nothing was revoked.",
                suggestions=["`autovoice keys list` shows the ids."],
            )
    ended = [accounts.revoke(key_id) for key_id in wanted]
    if as_json:
        emit_json({"revoked": [key.key_id for key in ended]})
    for key in ended:
        say(f"revoked {key.key_id} of {key.username}")


def _see_to_user(accounts: Accounts, username: str, role: Role | None) -> None:
    try:
        user = accounts.user(username)
    except NotFoundError:
        if role is None:
            raise
        accounts.create_user(username, role)
        return
    if role is not None and user.role != role:
        raise ConflictError(f"{username} has the role {user.role}.", suggestions=["Leave --role out."])
    if user.disabled_at is not None:
        raise ConflictError(f"{username} is disabled.", suggestions=[f"autovoice users enable {username}"])


def _document(key: Key, now: float) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "user": key.username,
        "label": key.label,
        "state": key.state(now),
        "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
        "last_used_at": iso(key.last_used_at),
    }


def _accounts() -> Accounts:
    from auto_voice.accounts import Accounts

    return Accounts(_database())


def _database() -> Database:
    from auto_voice.database.schema import open_prepared

    return open_prepared(current_settings())
