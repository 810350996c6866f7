#!/usr/bin/env python3
"""Make the service's tables; a database that has them already is brought to this version. The service does it too."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from auto_voice.cli.failures import report_error
from auto_voice.cli.output import emit
from auto_voice.config import configured_settings
from auto_voice.database import open_database
from auto_voice.database.schema import NEWEST, prepare
from auto_voice.errors import AutoVoiceError


@click.command()
@click.option("--config", "files", type=click.Path(path_type=Path), multiple=True, help="Later files win.")
def init_db(files: tuple[Path, ...]) -> None:
    """Make the tables of the configured database."""
    found = prepare(open_database(configured_settings(files)))
    was = "empty" if found is None else "ready already" if found == NEWEST else f"at version {found}"
    emit(f"The database is at version {NEWEST}; it was {was}.")


def run() -> None:
    """The command, with errors as messages and exit codes."""
    try:
        init_db()
    except AutoVoiceError as error:
        sys.exit(report_error(error, as_json=False))


if __name__ == "__main__":
    run()
