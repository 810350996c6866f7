"""The databases that the service works with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from auto_voice.config import Settings
from auto_voice.database import Database, open_database
from auto_voice.database.schema import prepare
from auto_voice.database.tables import metadata
from auto_voice.jobs.store import JobStore
from job_stores import Clock
from postgres import running_postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL of our own; the test is skipped, saying why, where there is none."""
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def stored_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """The settings with each of the databases in turn."""
    if request.param == "sqlite":
        return settings
    url = request.getfixturevalue("postgres_url")
    return settings.model_copy(update={"database": settings.database.model_copy(update={"url": url})})


@pytest.fixture
def database(stored_settings: Settings) -> Iterator[Database]:
    """The database of `stored_settings`, its tables made and empty."""
    database = open_database(stored_settings)
    prepare(database)
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    yield database
    database.dispose()


@pytest.fixture
def clock() -> Clock:
    """The time of `store`."""
    return Clock()


@pytest.fixture
def store(stored_settings: Settings, database: Database, clock: Clock) -> JobStore:
    """The table of jobs in each of the databases."""
    return JobStore(stored_settings, database, clock=clock)
