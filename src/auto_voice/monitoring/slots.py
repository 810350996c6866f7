"""Where the processes of one data folder count together, without the folder growing with every restart.

Each process that counts holds a numbered slot: a lock that ends with the process. Its counts are in files of that
number, and the next process to take the slot counts on in them. So there are as many files as there ever were
processes at one time, and no count goes backwards when a process ends.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector

_LOG = logging.getLogger(__name__)

ROOM_BYTES = {"counter": 1 << 19, "histogram": 1 << 19, "gauge_livesum": 1 << 16}
"""Kinds of files, and the room each begins with: more than all our labels need.

They are written through memory. Where the disk is full, a page that has no room yet would end the process (SIGBUS);
so all the room is taken beforehand, by a call that can fail.
"""

_HEADER_BYTES = 8
_DAMAGE = (RuntimeError, ValueError, TypeError, struct.error)
"""What the library's reader raises over damaged files."""


class Slots:
    """The slots of one folder.

    Args:
        folder: where locks and counts are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self) -> int:
        """Hold the lowest free slot until this process ends; call it once in a process.

        Raises:
            OSError: the folder cannot be written, or its disk is full.
        """
        for number in itertools.count():
            lock = os.open(self._lock_file(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(lock):
                self._forget_gauges(number)
                for kind, room in ROOM_BYTES.items():
                    self._prepare(self._counts_file(kind, number), room)
                return number
            os.close(lock)
        raise AssertionError("numbers do not end")

    def collect(self) -> Iterable[Metric]:
        """What all processes counted, those that are gone included; their gauges are not."""
        for number in self._numbers():
            with self._held_for_the_dead(number) as dead:
                if dead:
                    self._forget_gauges(number)
        files = sorted(self._folder.glob("*.db"))
        try:
            return _merged(files)
        except (FileNotFoundError, *_DAMAGE):
            damaged = [file for file in files if not _is_readable(file)]
            _LOG.warning("damaged counts are left out: %s", ", ".join(file.name for file in damaged))
            return _merged([file for file in files if file not in damaged])

    def _numbers(self) -> list[int]:
        return sorted(int(file.stem) for file in self._folder.glob("*.lock") if file.stem.isdigit())

    @contextmanager
    def _held_for_the_dead(self, number: int) -> Iterator[bool]:
        """Whether nobody has the slot; nobody takes it while the block runs."""
        lock = os.open(self._lock_file(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _locked(lock)
        finally:
            os.close(lock)

    def _forget_gauges(self, number: int) -> None:
        self._counts_file("gauge_livesum", number).unlink(missing_ok=True)

    def _prepare(self, file: Path, room: int) -> None:
        """Take the file's room; counts that a power cut damaged begin anew."""
        if file.exists() and not _is_readable(file):
            _LOG.warning("damaged counts begin anew: %s", file.name)
            file.unlink()
        with file.open("ab") as opened:
            os.posix_fallocate(opened.fileno(), 0, room)

    def _lock_file(self, number: int) -> Path:
        return self._folder / f"{number}.lock"

    def _counts_file(self, kind: str, number: int) -> Path:
        return self._folder / f"{kind}_{number}.db"  # the form that prometheus_client gives to its files


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _merged(files: Iterable[Path]) -> Iterable[Metric]:
    merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    return merged


def _is_readable(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            (used,) = struct.unpack("i", opened.read(4))
        if used != 0 and not _HEADER_BYTES <= used <= file.stat().st_size:
            return False
        _merged([file])
    except (FileNotFoundError, *_DAMAGE):
        return False
    return True
