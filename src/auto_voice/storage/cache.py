"""Results that can be made again: named arrays found by the hash of what they were made from.

One entry is one safetensors file. Its modification time is when it was made (its lifetime counts from there),
its access time when it was last used (eviction goes by that); we set both, so mount options don't matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from auto_voice.atomic_file import atomic_path
from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.storage.eviction import Room
from auto_voice.storage.paths import CACHE_KINDS, CacheKind, Paths, private_folder

_LOG = logging.getLogger(__name__)
_KEY = re.compile(r"[0-9a-f]{64}")
_HEADER_ALLOWANCE = 4096

_watchers: list[Callable[[str, bool], None]] = []


def watch_lookups(watcher: Callable[[str, bool], None]) -> None:
    """Call `watcher` after every lookup of this process, with the kind of cache and whether the entry was there."""
    _watchers.append(watcher)


class Entry(dict[str, NDArray[Any]]):
    """The arrays of an entry by name, with what was noted about them in `meta`."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        super().__init__(arrays)
        self.meta = dict(meta)


class Cache:
    """One folder of entries. Any number of threads and processes may use it at the same time.

    Nothing in here fails a conversion: what cannot be read is a miss, what cannot be written is not kept.

    Attributes:
        hits: entries found since this object was made.
        misses: entries looked for and not found.
    """

    def __init__(self, folder: Path, ttl_hours: float, max_bytes: int, room: Room | None = None) -> None:
        """A cache in `folder`, which is made when something is first written.

        Args:
            folder: where the entries are.
            ttl_hours: how long an entry lives; 0 switches the cache off.
            max_bytes: size of this cache, or with `room` of all that share it; 0 switches the cache off.
            room: the folders that share one size limit; by default this folder alone.
        """
        self.folder = folder
        self.hits = 0
        self.misses = 0
        self._ttl_seconds = ttl_hours * 3600
        self._max_bytes = max_bytes
        self._room = room or Room({folder: self._ttl_seconds}, max_bytes, folder / ".lock")
        self._counting = threading.Lock()

    @staticmethod
    def key(*parts: str | bytes) -> str:
        """The key of an entry: SHA-256 of all it depends on (content hashes, engines, their settings)."""
        digest = hashlib.sha256()
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            digest.update(len(data).to_bytes(8, "little") + data)
        return digest.hexdigest()

    def get(self, key: str) -> Entry | None:
        """The entry, or None. The arrays are the caller's own. An entry that is damaged is removed."""
        entry = self._read(self._file(key))
        with self._counting:
            if entry is None:
                self.misses += 1
            else:
                self.hits += 1
        for watcher in _watchers:
            watcher(self.folder.name, entry is not None)
        return entry

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any] | None = None) -> bool:
        """Keep arrays (whole numbers, floats or bool; contiguous ones are not copied) and JSON-able notes.

        Returns: whether the entry was kept; not when it is larger than the whole cache, when the disk is full
        or closed to us (logged), or when the cache is off.
        """
        file = self._file(key)
        contiguous = {name: _plain(array) for name, array in arrays.items()}
        notes = json.dumps(dict(meta or {}))
        size = sum(array.nbytes for array in contiguous.values()) + len(notes) + _HEADER_ALLOWANCE
        if not self._ttl_seconds or size > self._max_bytes:
            return False
        header = {"meta": notes, "crc32": _checksum(contiguous, notes)}
        try:
            private_folder(self.folder)
            with atomic_path(file) as temporary:
                save_file(contiguous, temporary, header)
            self._room.prune()
        except (StorageError, SafetensorError) as error:
            _LOG.warning("not cached: %s", error)
            return False
        return True

    def prune(self) -> int:
        """Remove what has expired, then what was not used for longest, to the limit. Returns bytes freed."""
        return sum(entry.size for entry in self._room.prune())

    def size_bytes(self) -> int:
        """Bytes of the entries in this folder."""
        return sum(entry.size for entry in self._room.entries() if entry.path.parent == self.folder)

    def clear(self) -> None:
        """Remove every entry of this folder."""
        for file in self.folder.glob("*.safetensors"):
            file.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("not a key made by Cache.key")
        return self.folder / f"{key}.safetensors"

    def _read(self, file: Path) -> Entry | None:
        if not self._max_bytes or not self._is_alive(file):
            return None
        try:
            # Reading by pread instead of mmap keeps the file's pages out of our memory.
            with safe_open(file, framework="np", backend="pread") as stored:
                header = stored.metadata() or {}
                arrays = stored.get_tensors()
            if header["crc32"] != _checksum(arrays, header["meta"]):
                raise ValueError("checksum differs")
            entry = Entry(arrays, json.loads(header["meta"]))
        except FileNotFoundError:  # evicted a moment ago
            return None
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            _LOG.warning("damaged cache entry %s removed: %s", file.name, error)
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(file, (time.time(), file.stat().st_mtime))
        return entry

    def _is_alive(self, file: Path) -> bool:
        """Whether the entry is there and within its lifetime.

        The distance counts, not the sign: after the clock was set back, an entry dated in the future neither
        lives for ever nor is lost over a second.
        """
        try:
            return abs(time.time() - file.stat().st_mtime) <= self._ttl_seconds
        except OSError:
            return False


def open_cache(settings: Settings, kind: CacheKind) -> Cache:
    """The configured cache of that kind; all kinds share `storage.max_cache_size_gb`."""
    room = open_room(settings)
    folder = Paths(settings).cache_dir(kind)
    return Cache(folder, room.lifetimes[folder] / 3600, room.max_bytes, room)


def open_room(settings: Settings) -> Room:
    """All configured cache folders under their common limit."""
    paths = Paths(settings)
    return Room(
        lifetimes={paths.cache_dir(kind): 3600 * _ttl_hours(settings, kind) for kind in CACHE_KINDS},
        max_bytes=int(settings.storage.max_cache_size_gb * 2**30),
        lock=settings.storage.cache_dir / ".lock",
    )


def _ttl_hours(settings: Settings, kind: CacheKind) -> float:
    """Lifetime of a kind of entries; 0 when they are not to be kept."""
    if kind == "conversions":
        return settings.cache.conversion_ttl_hours
    return settings.cache.separation_ttl_hours if settings.cache.cache_intermediate_results else 0.0


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The array as it is written: contiguous, in this machine's byte order. Copied only where it is not."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")


def _checksum(arrays: Mapping[str, NDArray[Any]], notes: str) -> str:
    """CRC-32 over names, types, shapes, bytes and notes: finds what a disk got wrong."""
    value = zlib.crc32(notes.encode())
    for name in sorted(arrays):
        value = zlib.crc32(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode(), value)
        value = zlib.crc32(arrays[name].reshape(-1).view(np.uint8).data, value)
    return f"{value:08x}"
