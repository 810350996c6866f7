"""Voices that nobody uses any more (`cache.voice_profile_ttl_days`)."""

from __future__ import annotations

import logging

from sqlalchemy import delete, exists, func, select

from auto_voice.database.tables import jobs, profile_usage
from auto_voice.errors import AutoVoiceError
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.usage import note_voices
from auto_voice.profiles import ProfileStore
from auto_voice.storage.paths import Paths

_LOG = logging.getLogger(__name__)
_DAY = 86400.0


def remove_unused_voices(store: JobStore) -> list[str]:
    """Remove the voices that no job has used for so long. Returns their ids; each is logged.

    A voice's time begins when this service first sees it or its profile is written, whichever is later. One that
    was made by other means, restored, or is older than the database therefore gets its whole time.
    """
    paths = Paths(store.settings)
    there = _note(store, paths)
    removed = []
    profiles = ProfileStore(store.settings)
    limit = store.clock() - store.settings.cache.voice_profile_ttl_days * _DAY
    for profile_id in _unused(store, limit):
        try:
            if profile_id in there and paths.profile_json(profile_id).stat().st_mtime < limit:
                profiles.delete(profile_id)
                removed.append(profile_id)
                _LOG.warning(
                    "voice %s removed: not used for %g days", profile_id, store.settings.cache.voice_profile_ttl_days
                )
        except (AutoVoiceError, OSError) as error:
            _LOG.warning("voice %s cannot be removed: %s", profile_id, error)
    return removed


def _note(store: JobStore, paths: Paths) -> set[str]:
    """Begin the time of voices seen for the first time, forget those that are gone. Returns those that are there."""
    with store.database.read() as connection:
        known = set(connection.scalars(select(profile_usage.c.profile_id)))
    there = set(paths.profile_ids())  # looked up second: what is used meanwhile for the first time is not "gone"
    with store.database.write() as connection:
        note_voices(connection, sorted(there - known), store.clock())
        for gone in known - there:
            connection.execute(delete(profile_usage).where(profile_usage.c.profile_id == gone))
    return there


def _unused(store: JobStore, limit: float) -> list[str]:
    """Voices known and unused since before `limit`, that no job waits for, uses, or has been made for since."""
    used = func.coalesce(profile_usage.c.last_used_at, profile_usage.c.known_since)
    wanted = exists().where(
        jobs.c.profile_id == profile_usage.c.profile_id,
        (jobs.c.created_at >= limit) | jobs.c.state.in_(("queued", "processing")),
    )
    query = select(profile_usage.c.profile_id).where(used < limit, profile_usage.c.known_since < limit, ~wanted)
    with store.database.read() as connection:
        return list(connection.scalars(query))
