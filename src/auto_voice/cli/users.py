"""`autovoice users list|disable|enable`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from auto_voice.cli.output import emit, emit_json, json_option, say, table
from auto_voice.cli.session import current_settings
from auto_voice.cli.times import iso, shown

if TYPE_CHECKING:
    from auto_voice.accounts import Accounts


@click.group()
def users() -> None:
    """List, disable and enable the users of the service. `autovoice keys create --role` makes them."""


@users.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List everybody by name."""
    found = _accounts().list_users()
    if as_json:
        times = [{"created_at": iso(user.created_at), "disabled_at": iso(user.disabled_at)} for user in found]
        emit_json(
            {"users": [{"user": u.username, "role": u.role, **when} for u, when in zip(found, times, strict=True)]}
        )
    elif found:
        rows = [(user.username, user.role, shown(user.created_at), shown(user.disabled_at)) for user in found]
        emit(table(("user", "role", "made", "disabled"), rows))
    else:
        say("There are no users yet. Make one:  autovoice keys create --user NAME --role user")


@users.command()
@click.argument("username", metavar="NAME")
def disable(username: str) -> None:
    """Shut out a user with all keys, with the next request, until enabled again."""
    _accounts().disable_user(username)
    say(f"disabled {username}")


@users.command()
@click.argument("username", metavar="NAME")
def enable(username: str) -> None:
    """Let a user in again; keys that were revoked or have expired stay so."""
    _accounts().enable_user(username)
    say(f"enabled {username}")


def _accounts() -> Accounts:
    from auto_voice.accounts import Accounts
    from auto_voice.database.schema import open_prepared

    return Accounts(open_prepared(current_settings()))
