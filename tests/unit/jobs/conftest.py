"""A store whose clock stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auto_voice.config import Settings
from auto_voice.database import Database, open_database
from auto_voice.database.schema import prepare
from auto_voice.jobs.store import JobStore
from job_stores import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    prepare(database)
    yield database
    database.dispose()


@pytest.fixture
def store(settings: Settings, database: Database, clock: Clock) -> JobStore:
    return JobStore(settings, database, clock=clock)
