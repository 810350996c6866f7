#!/usr/bin/env python3
"""Make a user of the service and print their first key, this once; further ones: `autovoice keys create`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from auto_voice.accounts import Accounts, Role
from auto_voice.cli.failures import report_error
from auto_voice.cli.output import emit, emit_json, say
from auto_voice.config import configured_settings
from auto_voice.database.schema import open_prepared
from auto_voice.errors import AutoVoiceError


@click.command()
@click.option("--username", required=True, metavar="NAME", help="Letters, digits and . _ @ + -")
@click.option("--role", type=click.Choice(["user", "admin"]), default="user", show_default=True)
@click.option("--config", "files", type=click.Path(path_type=Path), multiple=True, help="Later files win.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def create_user(username: str, role: Role, files: tuple[Path, ...], as_json: bool) -> None:
    """Make a user and a key."""
    database = open_prepared(configured_settings(files))
    accounts = Accounts(database)
    accounts.create_user(username, role)
    key = accounts.issue_key(username, label="first key")
    if as_json:
        return emit_json({"username": username, "role": role, "key": key})
    say(f"{username}'s first key, for the service that uses {database.address}; store it now, it is not shown again:")
    return emit(key)


if __name__ == "__main__":
    try:
        create_user()
    except AutoVoiceError as error:
        sys.exit(report_error(error, as_json="--json" in sys.argv))
