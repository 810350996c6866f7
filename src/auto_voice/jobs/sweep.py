"""The folders of jobs: results go when their time or their room is used up, leftovers when nobody can want them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from sqlalchemy import ColumnElement, update

from auto_voice.database.tables import jobs
from auto_voice.jobs import folders
from auto_voice.jobs.job import ENDED, Job
from auto_voice.jobs.store import JobStore
from auto_voice.storage.paths import Paths

_HOUR = 3600.0
_GRACE_SECONDS = _HOUR
"""What may still be in work (an upload whose job is being made, a worker that hasn't noticed) is this young."""
_ROWS_AT_ONCE = 500


def sweep_jobs(store: JobStore) -> tuple[int, int]:
    """Remove results past `cache.conversion_ttl_hours`, then the oldest beyond `storage.max_conversions_size_gb`, and
    what attempts, uploads and removed jobs have left.

    The table says that files have expired before they go, so that nobody is promised what is not there.

    Returns:
        Jobs whose files have expired now, and bytes freed.
    """
    paths = Paths(store.settings)
    lifetime = store.settings.cache.conversion_ttl_hours * _HOUR
    expired = _expire(store, jobs.c.finished_at < store.clock() - lifetime)
    freed = 0
    kept: list[tuple[float, str, int]] = []
    for job_id, job in _with_rows(store, paths.job_ids()):
        folder = paths.job_dir(job_id)
        if job is None:
            freed += _remove_orphan(folder, store.clock(), lifetime)
        elif job.files_expired:
            freed += folders.remove(folder)
        else:
            freed += _remove_lost_attempts(paths, job, store.clock())
            if job.ended:
                kept.append((job.finished_at or 0.0, job_id, folders.size_bytes(folder)))
    superfluous = list(_beyond(kept, int(store.settings.storage.max_conversions_size_gb * 2**30)))
    for some in _chunks(superfluous):
        expired += _expire(store, jobs.c.job_id.in_(some))
        freed += sum(folders.remove(paths.job_dir(job_id)) for job_id in some)
    return expired, freed


def _expire(store: JobStore, which: ColumnElement[bool]) -> int:
    with store.database.write() as connection:
        ended = jobs.c.state.in_(ENDED) & ~jobs.c.files_expired
        return connection.execute(update(jobs).where(ended, which).values(files_expired=True)).rowcount


def _with_rows(store: JobStore, job_ids: Iterable[str]) -> Iterator[tuple[str, Job | None]]:
    """Each id with its row, None where it has none."""
    for some in _chunks(job_ids):
        known: Mapping[str, Job] = store.many(some)
        yield from ((job_id, known.get(job_id)) for job_id in some)


def _remove_orphan(folder: Path, now: float, lifetime: float) -> int:
    """Remove a folder without a row: an upload whose job was never made, or results the table no longer knows.

    Results stay as long as any: they may be all that is left when a database was lost.
    """
    holds_results = any(folder.glob("attempt-*"))
    old = now - folders.touched(folder) > (max(lifetime, _GRACE_SECONDS) if holds_results else _GRACE_SECONDS)
    return folders.remove(folder) if old else 0


def _remove_lost_attempts(paths: Paths, job: Job, now: float) -> int:
    """Remove what attempts that no longer count have made."""
    standing = (job.result or {}).get("attempt", job.attempt) if job.state in ("processing", "completed") else None
    keep = None if standing is None else paths.attempt_dir(job.job_id, standing)
    lost = (each for each in paths.job_dir(job.job_id).glob("attempt-*") if each != keep)
    return sum(folders.remove(each) for each in lost if now - folders.touched(each) > _GRACE_SECONDS)


def _beyond(kept: list[tuple[float, str, int]], limit: int) -> Iterator[str]:
    """The ids whose files have to go so that the rest fits: the oldest."""
    excess = sum(size for _, _, size in kept) - limit
    for _, job_id, size in sorted(kept):
        if excess <= 0:
            return
        if size:
            excess -= size
            yield job_id


def _chunks(items: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(items)
    while some := list(islice(rest, _ROWS_AT_ONCE)):
        yield some
