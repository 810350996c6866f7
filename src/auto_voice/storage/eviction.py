"""Keeping caches within their lifetimes and their size."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from auto_voice.atomic_file import remove_stale_temporaries

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredEntry:
    """A cache entry on the disk.

    Attributes:
        path: its file.
        size: bytes.
        made: when it was written, seconds since the epoch.
        used: when it was last read or written.
    """

    path: Path
    size: int
    made: float
    used: float


@dataclass(frozen=True)
class Room:
    """Folders of entries that share one size limit.

    Attributes:
        lifetimes: seconds an entry of each folder lives.
        max_bytes: the limit of all folders together.
        lock: the file that keeps two processes from pruning at the same time.
    """

    lifetimes: Mapping[Path, float]
    max_bytes: int
    lock: Path

    def entries(self) -> list[StoredEntry]:
        """Every entry, the one not used for longest first."""
        found = []
        for folder in self.lifetimes:
            for path in folder.glob("*.safetensors"):
                with contextlib.suppress(FileNotFoundError):  # another process removes entries too
                    status = path.stat()
                    found.append(StoredEntry(path, status.st_size, status.st_mtime, status.st_atime))
        return sorted(found, key=lambda entry: (entry.used, entry.made))

    def superfluous(self) -> list[StoredEntry]:
        """What has expired, and of the rest what was not used for longest, down to the size limit."""
        now = time.time()
        leaving: list[StoredEntry] = []
        staying: list[StoredEntry] = []
        for entry in self.entries():
            expired = abs(now - entry.made) > self.lifetimes[entry.path.parent]
            (leaving if expired else staying).append(entry)
        excess = sum(entry.size for entry in staying) - self.max_bytes
        for entry in staying:
            if excess <= 0:
                break
            leaving.append(entry)
            excess -= entry.size
        return leaving

    def prune(self, wait_seconds: float = 0.0) -> list[StoredEntry]:
        """Remove what is superfluous and what killed writers left. Returns the entries removed.

        While another process does the same, it waits up to `wait_seconds`, then leaves the work to that one.
        """
        removed: list[StoredEntry] = []
        if not self.lock.parent.is_dir():  # nothing was ever cached
            return removed
        try:
            with FileLock(self.lock, timeout=wait_seconds):
                for folder in self.lifetimes:
                    remove_stale_temporaries(folder)
                for entry in self.superfluous():
                    entry.path.unlink(missing_ok=True)
                    removed.append(entry)
        except Timeout:
            _LOG.debug("another process is pruning %s", self.lock.parent)
        except OSError as error:
            _LOG.warning("cannot prune the cache in %s: %s", self.lock.parent, error)
        return removed
