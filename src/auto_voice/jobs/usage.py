"""How often and when each voice was used."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from auto_voice.database.tables import profile_usage
from auto_voice.jobs.job import Job


def count_use(connection: Connection, job: Job, now: float) -> None:
    """Count a completed job's use of its voice: conversions are counted, any other use is only dated."""
    if job.profile_id is None:
        return
    one = int(job.kind == "conversion")
    connection.execute(
        _insert(connection)
        .values(profile_id=job.profile_id, total_conversions=one, known_since=now, last_used_at=now)
        .on_conflict_do_update(
            index_elements=["profile_id"],
            set_={"total_conversions": profile_usage.c.total_conversions + one, "last_used_at": now},
        )
    )


def note_voices(connection: Connection, profile_ids: Sequence[str], now: float) -> None:
    """Begin the time of voices that are seen for the first time."""
    for profile_id in profile_ids:
        values = {"profile_id": profile_id, "total_conversions": 0, "known_since": now}
        connection.execute(_insert(connection).values(values).on_conflict_do_nothing())


def usage_of(connection: Connection, profile_id: str) -> tuple[int, float | None]:
    """Conversions with the voice, and when it was last used (epoch seconds), None where it never was."""
    found = connection.execute(select(profile_usage).where(profile_usage.c.profile_id == profile_id)).first()
    return (0, None) if found is None else (found.total_conversions, found.last_used_at)


def _insert(connection: Connection) -> postgresql.Insert | sqlite.Insert:
    """Both databases can say what happens when the row is there already; SQLAlchemy says it to each by itself."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(profile_usage)
    return sqlite.insert(profile_usage)
