"""The connection to the database: short transactions, safe for several threads and processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from auto_voice.config import Settings
from auto_voice.errors import ConfigurationError, StorageError
from auto_voice.storage.paths import Paths

_BUSY_MILLISECONDS = 30_000
"""How long a SQLite writer waits for another one; ours take milliseconds."""

_OUT_OF_ORDER = {"08", "25", "28", "3D", "53", "57", "58"}
"""PostgreSQL's classes of errors that are nobody's mistake here: connection, read-only transaction, password, no such
database, no room left, shut down, system."""
_DAMAGED = {"XX001", "XX002"}
_CHECK = "Check that its folder is writable and its disk not full, or that the server is reachable."
_RESTORE = "Stop the service and restore the newest backup of the database, or move the file away to begin anew."


class Database:
    """Transactions on one database. Thread-safe; after a fork each process opens its own.

    With SQLite a write is on the disk when its transaction ends (WAL, `synchronous=FULL`), and writers queue up
    at the door (`BEGIN IMMEDIATE`) instead of failing half way.
    """

    def __init__(self, url: str) -> None:
        try:
            self.engine: Engine = _make_engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigurationError(
                f"database.url cannot be used: {_reason(error)}",
                suggestions=[
                    "sqlite:////folder/file.db, or postgresql+pg8000://user:password@host/name (pip install pg8000)"
                ],
            ) from error

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    @property
    def address(self) -> str:
        """Its URL, fit to be shown: without the password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading: one consistent view while the block runs.

        Raises:
            StorageError: the database cannot be reached or is damaged; says what to do.
        """
        with _translated(), self.engine.connect() as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed when the block ends, undone when it raises. Raises as `read`."""
        writer = self.engine.execution_options(immediate=True)
        with _translated(), writer.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(settings: Settings) -> Database:
    """The configured database, or the file in the data folder. Connects when first used."""
    return Database(settings.database.url or f"sqlite:///{Paths(settings).database_file()}")


def _make_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=5, max_overflow=64, connect_args={"timeout": _BUSY_MILLISECONDS / 1000}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:  # noqa: ARG001 - SQLAlchemy's signature
    connection.isolation_level = None  # the driver begins no transactions by itself: `_begin_sqlite` does
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch on SQLite's write-ahead log, which a file keeps from then on.

    While another connection writes to the file without one, as when several processes start on a new file, SQLite
    refuses at once, whatever `busy_timeout` says.
    """
    deadline = time.monotonic() + _BUSY_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors in our words; a broken rule (IntegrityError) or a wrong query stays what it is."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StorageError("the database has no connection to spare", suggestions=["Try again later."]) from error
    except DBAPIError as error:
        if _is_damage(error):
            raise StorageError(f"the database is damaged: {_reason(error)}", suggestions=[_RESTORE]) from error
        if isinstance(error, OperationalError | InterfaceError) or _sqlstate(error)[:2] in _OUT_OF_ORDER:
            raise StorageError(f"the database cannot be used: {_reason(error)}", suggestions=[_CHECK]) from error
        raise


def _is_damage(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return type(error) is DatabaseError
    return _sqlstate(error) in _DAMAGED


def _sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's code of the error, as its drivers have it; empty for SQLite and where there was no answer."""
    code = getattr(error.orig, "sqlstate", None) or _pg8000_fields(error).get("C")
    return str(code or "")


def _pg8000_fields(error: Exception) -> dict[str, str]:
    """The parts of the server's message, which pg8000 gives as a document (and all as ProgrammingError).

    Where the server refuses a connection and is gone before pg8000 takes its leave, pg8000 tells of that alone; what
    the server had said is then found behind it.
    """
    said: BaseException | None = getattr(error, "orig", None)
    while said is not None:
        if said.args and isinstance(said.args[0], dict):
            return said.args[0]
        said = said.__context__
    return {}


def _reason(error: Exception) -> str:
    return _pg8000_fields(error).get("M") or str(getattr(error, "orig", None) or error).partition("\n")[0]
