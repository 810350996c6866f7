"""Where a model's file is got from: one class a kind of source, all alike to whoever fetches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from auto_voice.errors import CancelledError
from auto_voice.models.catalogue import ModelFile

Advance = Callable[[int], None]
"""Called with the bytes of the current file got so far; raises to stop."""

CHUNK = 1 << 20


class SourceError(Exception):
    """A source did not serve; the text is the reason, in one line."""


class Source(Protocol):
    """Something that may have a file. One object serves several threads."""

    def serves(self, file: ModelFile) -> bool:
        """Whether it is worth asking this source for that file."""

    def fetch(self, file: ModelFile, target: Path, advance: Advance) -> None:
        """Write the file to `target` (replaced if it exists). The caller checks size and checksum.

        Raises:
            SourceError: it is not to be had here.
        """

    def __str__(self) -> str:
        """Kind and place, for messages."""


class Outage:
    """What was found unreachable in this run, so that it is not waited for file by file. Thread-safe."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def check(self, place: str) -> None:
        """Raise SourceError if the place is known to be out of reach."""
        with self._lock:
            reason = self._reasons.get(place)
        if reason is not None:
            raise SourceError(reason)

    def record(self, place: str, reason: str) -> SourceError:
        """Remember the place as out of reach; returns the error to raise."""
        with self._lock:
            self._reasons[place] = reason
        return SourceError(reason)


class Stop:
    """Tells every thread of a fetch to give up, because one was interrupted."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask all threads to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise CancelledError once `set` was called."""
        if self._event.is_set():
            raise CancelledError("the fetch was interrupted")

    def wait(self, seconds: float) -> None:
        """Sleep, but raise CancelledError as soon as `set` is called."""
        self._event.wait(seconds)
        self.check()


class FolderSource:
    """Files already on disk: `folder/<model id>/<name>`, else `folder/<name>`."""

    def __init__(self, folder: Path, model_id: str) -> None:
        self._candidates = (folder / model_id, folder)
        self._folder = folder

    def __str__(self) -> str:
        return f"folder {self._folder}"

    def _find(self, file: ModelFile) -> Path | None:
        paths = (folder / file.name for folder in self._candidates)
        return next((path for path in paths if path.is_file()), None)

    def serves(self, file: ModelFile) -> bool:
        """Every file; `fetch` says what is missing."""
        return file.name != ""

    def fetch(self, file: ModelFile, target: Path, advance: Advance) -> None:
        """See Source."""
        path = self._find(file)
        if path is None:
            raise SourceError(f"there is no {file.name}")
        try:
            reader = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path.name} cannot be read: {error.strerror}") from error
        with reader, target.open("wb") as writer:
            copy(reader, writer, limit=file.size, advance=advance)


def copy(reader: BinaryIO, writer: BinaryIO, *, limit: int, advance: Advance, done: int = 0) -> int:
    """Copy in chunks; `done` bytes of the file exist already. Returns the bytes there are now.

    Raises:
        SourceError: there are more than `limit` bytes.
    """
    while chunk := reader.read(CHUNK):
        done += len(chunk)
        if done > limit:
            raise SourceError(f"it is larger than the {limit} bytes it should have")
        writer.write(chunk)
        advance(done)
    return done
