"""How workers hear of waiting jobs. The table is the truth; a message only says that there is something to do."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from filelock import FileLock
from huey.storage import SqliteStorage

from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.jobs.job import Lane
from auto_voice.storage.paths import Paths, is_job_id

_LOG = logging.getLogger(__name__)
# One file and no write-ahead log beside it: a file put in another's place is then whole. Nothing waits for the
# disk, since the table can tell everything again.
_STORAGE = {"journal_mode": "truncate", "fsync": False, "timeout": 10.0, "cache_mb": 1}
_Answer = TypeVar("_Answer")


class JobQueue(Protocol):
    """Carries job ids from whoever makes a job to some worker. Messages may be lost or doubled: the table decides."""

    def put(self, lane: Lane, job_id: str, priority: int = 0) -> None:
        """Announce a waiting job."""

    def take(self, lane: Lane) -> str | None:
        """The next message of that lane, taken off the queue; None where there is none."""

    def waiting(self, lane: Lane) -> list[str]:
        """The job ids announced and not taken yet."""


class HueyQueue:
    """Huey's queue in one SQLite file of this machine: one huey queue for each lane. Safe for threads and processes.

    Asking an empty queue reads one index entry and takes no lock, so polling is cheap. The file holds nothing that
    the table doesn't know: where it was removed or is damaged a new one is begun, and recovery announces again.
    Every method raises StorageError where the disk is full or closed to us.
    """

    def __init__(self, settings: Settings) -> None:
        self._paths = Paths(settings)
        self._opening = threading.Lock()
        self._open: dict[Lane, tuple[SqliteStorage, int]] = {}

    def put(self, lane: Lane, job_id: str, priority: int = 0) -> None:
        """Announce a waiting job."""
        message = json.dumps(job_id).encode()
        self._do(lane, lambda storage: storage.enqueue(message, priority))

    def take(self, lane: Lane) -> str | None:
        """The next message of that lane, taken off the queue; None where there is none."""
        return _job_id(self._do(lane, lambda storage: storage.dequeue()))

    def waiting(self, lane: Lane) -> list[str]:
        """The job ids announced and not taken yet."""
        found = map(_job_id, self._do(lane, lambda storage: storage.enqueued_items()))
        return [job_id for job_id in found if job_id is not None]

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._opening:
            for storage, _ in self._open.values():
                storage.close()
            self._open.clear()

    def _do(self, lane: Lane, action: Callable[[SqliteStorage], _Answer]) -> _Answer:
        file = self._paths.queue_file()
        try:
            try:
                return action(self._storage(lane, file))
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # that type alone is damage
                    raise
                self._begin_anew(lane, file, error)
                return action(self._storage(lane, file))
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"the queue {file} cannot be used: {error}",
                suggestions=["Check that its folder is writable and its disk not full."],
            ) from error

    def _storage(self, lane: Lane, file: Path) -> SqliteStorage:
        """The lane's connection; a new one where another process has put a new file in the old one's place."""
        with self._opening:
            storage, inode = self._open.get(lane, (None, 0))
            if storage is None or _inode(file) != inode:
                if storage is not None:
                    storage.close()
                storage = SqliteStorage(f"autovoice-{lane}", str(file), **_STORAGE)
                self._open[lane] = storage, _inode(file)
            return storage

    def _begin_anew(self, lane: Lane, file: Path, reason: Exception) -> None:
        """Remove the damaged file, unless another process has done so."""
        with FileLock(f"{file}.lock"), self._opening:
            _, inode = self._open.get(lane, (None, _inode(file)))
            if _inode(file) == inode:
                _LOG.warning("the queue %s is damaged (%s): a new one is begun", file, reason)
                for part in (file, file.with_name(f"{file.name}-journal")):
                    part.unlink(missing_ok=True)


def _inode(file: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_ino
    return 0


def _job_id(message: bytes | None) -> str | None:
    """The id in a message; None for what we have not written."""
    with contextlib.suppress(ValueError):
        text = json.loads(message) if message else None
        if isinstance(text, str) and is_job_id(text):
            return text
    return None
