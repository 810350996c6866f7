"""Room for new work: what has expired goes, nothing that is younger than its limit does."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from filelock import FileLock, Timeout
from sqlalchemy import delete

from auto_voice.atomic_file import storage_error
from auto_voice.config import Settings
from auto_voice.database.tables import idempotency_keys, jobs, workers
from auto_voice.jobs import folders
from auto_voice.jobs.admission import IDEMPOTENCY_SECONDS
from auto_voice.jobs.job import ENDED
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.sweep import sweep_jobs
from auto_voice.jobs.unused_voices import remove_unused_voices
from auto_voice.storage.cache import open_room
from auto_voice.storage.paths import Paths, private_folder

_LOG = logging.getLogger(__name__)
_HOUR = 3600.0
_DAY = 24 * _HOUR


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What one round removed.

    Attributes:
        files_expired: jobs whose files have gone.
        bytes_freed: on the disk, the cache included.
        rows_removed: jobs that are not listed any more.
        voices_removed: profiles that nobody used.
    """

    files_expired: int
    bytes_freed: int
    rows_removed: int
    voices_removed: int


class Cleanup:
    """Removes what has expired. Any number of processes may try; one at a time does it."""

    def __init__(self, settings: Settings, store: JobStore) -> None:
        self._settings = settings
        self._store = store
        self._paths = Paths(settings)

    def run(self) -> Cleaned | None:
        """One round; None where another process is at it. A file that cannot be removed is logged and stays.

        Raises:
            StorageError: the database or the data folder cannot be used.
        """
        folder = private_folder(self._settings.storage.conversions_dir)
        try:
            with FileLock(folder / ".cleanup.lock", timeout=0):
                cleaned = self._run()
        except Timeout:
            return None
        except OSError as error:
            raise storage_error(error, f"clean up in {folder}") from error
        _LOG.info("cleaned up: %s", cleaned)
        return cleaned

    def _run(self) -> Cleaned:
        expired, freed = sweep_jobs(self._store)
        freed += self._sweep_uploads()
        freed += sum(entry.size for entry in open_room(self._settings).prune())
        return Cleaned(
            files_expired=expired,
            bytes_freed=freed,
            rows_removed=self._forget(),
            voices_removed=len(remove_unused_voices(self._store)),
        )

    def _sweep_uploads(self) -> int:
        """Remove uploads that no request can be busy with any more."""
        limit = self._store.clock() - self._settings.server.timeout - _HOUR
        stale = (each for each in self._paths.temp_dir().iterdir() if folders.touched(each) < limit)
        return sum(folders.remove(each) for each in stale)

    def _forget(self) -> int:
        """Remove rows that have had their time. A job stays listed as long as it has files."""
        now = self._store.clock()
        old = jobs.c.finished_at < now - self._settings.jobs.history_days * _DAY
        with self._store.database.write() as connection:
            connection.execute(
                delete(idempotency_keys).where(idempotency_keys.c.created_at < now - IDEMPOTENCY_SECONDS)
            )
            connection.execute(delete(workers).where(workers.c.seen_at < now - _DAY))
            return connection.execute(delete(jobs).where(jobs.c.state.in_(ENDED), jobs.c.files_expired, old)).rowcount
