"""How often and when each voice was used."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from auto_voice.database.tables import profile_usage
from auto_voice.jobs.job import Job


def count_use(connection: Connection, job: Job, now: float) -> None:
    """Count a completed job's use of its voice: conversions are counted, any other use is only dated."""
    if job.profile_id is None:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    one = int(job.kind == "conversion")
    connection.execute(
        insert(profile_usage)
        .values(profile_id=job.profile_id, total_conversions=one, known_since=now, last_used_at=now)
        .on_conflict_do_update(
            index_elements=["profile_id"],
            set_={"total_conversions": profile_usage.c.total_conversions + one, "last_used_at": now},
        )
    )


def usage_of(connection: Connection, profile_id: str) -> tuple[int, float | None]:
    """Conversions with the voice, and when it was last used (epoch seconds), None where it never was."""
    found = connection.execute(select(profile_usage).where(profile_usage.c.profile_id == profile_id)).first()
    return (0, None) if found is None else (found.total_conversions, found.last_used_at)
