"""Statements that a voice may be used: kept as they were made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auto_voice.accounts.consents import ConsentRecord, Consents
from auto_voice.config import Settings
from auto_voice.database import Database, open_database
from auto_voice.database.schema import prepare

VOICE = "0b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e"


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    prepare(database)
    yield database
    database.dispose()


def test_a_statement_comes_back_as_it_was_made(database: Database) -> None:
    made = ConsentRecord(profile_id=VOICE, confirmed_by="ada", confirmed_at=1.5, sample_sha256="ab" * 32)
    Consents(database).record(made)
    assert Consents(database).get(VOICE) == made


def test_of_other_voices_nothing_was_said(database: Database) -> None:
    assert Consents(database).get(VOICE) is None
