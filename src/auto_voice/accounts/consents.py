"""Who stated that the person behind a voice agrees to its use, when, and about which recordings.

A statement stays when its voice is deleted: it answers for what was made with the voice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import insert, select

from auto_voice.database import Database
from auto_voice.database.tables import consents


@dataclass(frozen=True, kw_only=True)
class ConsentRecord:
    """A row of the table `consents`.

    Attributes:
        profile_id: the voice.
        confirmed_by: the user who made the statement.
        confirmed_at: epoch seconds.
        sample_sha256: of what it was made about, hexadecimal; see `profiles.profile.sample_hash`.
    """

    profile_id: str
    confirmed_by: str
    confirmed_at: float
    sample_sha256: str


class Consents:
    """Writes and reads the statements. Thread-safe. Raises StorageError when the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, consent: ConsentRecord) -> None:
        """Keep a statement about a new voice."""
        with self._database.write() as connection:
            connection.execute(insert(consents).values(asdict(consent)))

    def get(self, profile_id: str) -> ConsentRecord | None:
        """The statement about a voice; None where nobody made one."""
        with self._database.read() as connection:
            row = connection.execute(select(consents).where(consents.c.profile_id == profile_id)).mappings().first()
        return None if row is None else ConsentRecord(**row)
