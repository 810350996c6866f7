"""What PostgreSQL refuses is told as what it is, with the remedy."""

from __future__ import annotations

import pytest
from pg8000.core import CoreConnection
from pg8000.exceptions import InterfaceError
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, ProgrammingError

from auto_voice.database import Database
from auto_voice.errors import StorageError


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SET TRANSACTION READ ONLY; CREATE TABLE refused (x int)", "read-only"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "terminat|network"),
        ("DO $$ BEGIN RAISE 'no space left' USING ERRCODE = 'disk_full'; END $$", "no space left"),
    ],
)
def test_a_server_out_of_order_is_a_storage_error(postgres_url: str, statement: str, reason: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(StorageError, match=reason) as refused, database.write() as connection:
        for each in statement.split("; ", 1) if statement.startswith("SET") else [statement]:
            connection.execute(text(each))
    assert "cannot be used" in refused.value.message
    assert refused.value.suggestions
    with database.read() as connection:  # the next one gets a connection that works
        assert connection.execute(text("SELECT 1")).scalar() == 1
    database.dispose()


def test_damage_names_the_backup(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(StorageError, match="damaged: bad page") as damaged, database.read() as connection:
        connection.execute(text("DO $$ BEGIN RAISE 'bad page' USING ERRCODE = 'data_corrupted'; END $$"))
    assert "backup" in damaged.value.suggestions[0]
    database.dispose()


def test_a_database_that_does_not_exist_is_named(postgres_url: str) -> None:
    database = Database(str(make_url(postgres_url).set(database="elsewhere")))
    with pytest.raises(StorageError, match="elsewhere"), database.read():
        pass


def test_a_refusal_is_told_even_where_the_server_is_gone_at_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = CoreConnection.close

    def too_late(connection: CoreConnection) -> None:
        leave(connection)
        raise InterfaceError("network error") from BrokenPipeError()

    monkeypatch.setattr(CoreConnection, "close", too_late)
    test_a_database_that_does_not_exist_is_named(postgres_url)


def test_our_own_mistakes_stay_what_they_are(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(ProgrammingError, match="nonsense"), database.read() as connection:
        connection.execute(text("SELECT nonsense"))
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE once (x int PRIMARY KEY)"))
        connection.execute(text("INSERT INTO once VALUES (1), (1)"))
    database.dispose()
