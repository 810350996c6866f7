"""The tables are made, or brought to this version, when the service starts; several processes may start at once."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from auto_voice.config import Settings
from auto_voice.database.engine import Database, open_database
from auto_voice.database.tables import metadata
from auto_voice.errors import StorageError

NEWEST = "0001"
"""The version of the tables that this AutoVoice works with: the last file in `migrations/versions`."""

_VERSION_TABLE = "alembic_version"
_LOCK = 0x4156_5343
"""Names our advisory lock in PostgreSQL; SQLite's writers wait for each other anyway."""


def open_prepared(settings: Settings) -> Database:
    """The configured database, ready for use. Raises as `prepare`."""
    database = open_database(settings)
    prepare(database)
    return database


def prepare(database: Database) -> str | None:
    """Check the database and bring its tables to this version; all of it or nothing.

    Returns:
        The version it had; None where it was empty.

    Raises:
        StorageError: it is damaged, made by a newer AutoVoice, or holds tables of something else; or it cannot be
            reached or written.
    """
    if database.is_sqlite:
        _check_integrity(database)
    with database.read() as connection:
        if (found := _version(connection)) == NEWEST:
            return found
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = _version(connection)
        if found != NEWEST:
            _check_foreign_tables(connection, found)
            _upgrade(connection, found)
        return found


def _check_integrity(database: Database) -> None:
    with database.read() as connection:
        problems = [row[0] for row in connection.execute(text("PRAGMA quick_check(3)"))]
    if problems != ["ok"]:
        raise StorageError(
            f"the database is damaged: {'; '.join(problems)[:300]}",
            suggestions=[
                "Stop the service and restore the newest backup of the database, or move the file away to begin anew."
            ],
        )


def _version(connection: Connection) -> str | None:
    """The version the tables have, or None where there are none of ours."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()
    return found


def _check_foreign_tables(connection: Connection, found: str | None) -> None:
    taken = set(inspect(connection).get_table_names()) & set(metadata.tables)
    if found is None and taken:
        raise StorageError(
            f"the database holds tables that AutoVoice did not make: {', '.join(sorted(taken))}",
            suggestions=["Give AutoVoice a database of its own (database.url), or move this one away."],
        )


def _upgrade(connection: Connection, found: str | None) -> None:
    # Alembic is needed only here, so that a start with tables of this version does not import it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    configuration = Config()
    configuration.set_main_option("script_location", str(files("auto_voice.database") / "migrations"))
    configuration.attributes["connection"] = connection
    try:
        command.upgrade(configuration, NEWEST)
    except CommandError as error:
        raise StorageError(
            f"the database's tables are of version {found}, which this AutoVoice does not know: its own is {NEWEST}",
            suggestions=["A newer AutoVoice made them: install that one, or restore the backup from before it."],
        ) from error
