"""Accounts, tickets, the audit log and the tables' making, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from auto_voice.accounts import Accounts, Audit, Identity, Tickets
from auto_voice.database import Database
from auto_voice.database.schema import NEWEST, prepare
from auto_voice.database.tables import metadata
from auto_voice.errors import ConflictError, StorageError

JOB = "conv-00000000-0000-4000-8000-000000000001"


@pytest.fixture
def empty(database: Database) -> Database:
    """The database without any table."""
    with database.write() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    return database


def test_the_tables_are_those_of_the_code(empty: Database) -> None:
    assert prepare(empty) is None
    with empty.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
    assert prepare(empty) == NEWEST


def test_of_many_that_come_to_an_empty_database_at_once_one_makes_the_tables(empty: Database) -> None:
    others = [Database(empty.engine.url.render_as_string(hide_password=False)) for _ in range(6)]
    with ThreadPoolExecutor(len(others)) as pool:
        found = list(pool.map(prepare, others))
    for each in others:
        each.dispose()
    assert sorted(found, key=str) == [NEWEST] * 5 + [None]


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(StorageError, match="9999"):
            prepare(database)
    finally:
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": NEWEST})


def test_a_key_lives_from_its_making_to_its_end(database: Database) -> None:
    accounts = Accounts(database)
    accounts.create_user("ada", "admin")
    with pytest.raises(ConflictError):
        accounts.create_user("ada")
    key = accounts.issue_key("ada", label="laptop", valid_seconds=3600)
    key_id = key.split("_")[1]
    assert accounts.authenticate(key) == Identity("ada", "admin", key_id)
    assert accounts.list_keys()[0].last_used_at is not None
    accounts.disable_user("ada")
    assert accounts.authenticate(key) is None
    accounts.enable_user("ada")
    accounts.revoke(key_id)
    assert accounts.authenticate(key) is None
    acts = [entry.act for entry in Audit(database).list()]
    assert acts == ["key_revoked", "user_enabled", "user_disabled", "key_created", "user_created"]


def test_one_ticket_lets_one_in_however_many_try_at_once(database: Database) -> None:
    Accounts(database).create_user("ada")
    tickets = Tickets(database)
    ticket = tickets.issue("ada", "user", JOB)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tickets.redeem(ticket, JOB), range(16)))
    assert [each for each in found if each] == [Identity("ada", "user")]


def test_one_name_makes_one_user_however_many_ask_at_once(database: Database) -> None:
    accounts = Accounts(database)

    def make(_: int) -> bool:
        try:
            accounts.create_user("ada")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(make, range(8))) == [False] * 7 + [True]
    assert [entry.act for entry in Audit(database).list()] == ["user_created"]
