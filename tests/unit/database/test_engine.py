"""The connection to the database."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Timer

from sqlalchemy import text

from auto_voice.database import Database


def test_a_first_connection_waits_while_another_process_makes_the_file(tmp_path: Path) -> None:
    """SQLite would refuse the write-ahead log at once, as it sees that somebody writes to the file without one."""
    file = tmp_path / "new.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE theirs (name TEXT)")
    other.execute("BEGIN IMMEDIATE")
    end = Timer(0.3, other.execute, ["COMMIT"])
    end.start()

    database = Database(f"sqlite:///{file}")
    with database.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    end.join()
    database.dispose()
    other.close()
