"""Files of a form go to the disk while they arrive.

A file is written to the folder of temporary files, and hashed, as it comes; no part of a request's body is ever held
in memory as a whole. What a request leaves there is removed when the request ends, however it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import IO, cast

from flask import Request

from auto_voice.atomic_file import storage_error, temporary_file
from auto_voice.errors import FileTooLargeError
from auto_voice.web.services import services


class UploadFile:
    """A file that is being received; what werkzeug's form parser writes to.

    Raises:
        FileTooLargeError: from `write`, as soon as there are more bytes than the limit.
        StorageError: the disk is full or closed to us.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.path, self._file = temporary_file(folder)
        self._room = max_bytes
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what was written."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self._room -= len(data)
        if self._room < 0:
            raise FileTooLargeError(
                f"The file has more than the {self._max_bytes >> 20} MB that are allowed.",
                suggestions=["Send a compressed format (FLAC, MP3, Ogg), or a shorter part."],
            )
        self._hash.update(data)
        try:
            return self._file.write(data)
        except OSError as error:
            raise storage_error(error, f"write to {self.path.parent}") from error

    def read(self, size: int = -1) -> bytes:
        """Read what was written, from where `seek` led."""
        return self._file.read(size)

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; what was written so far can then be read by its path."""
        try:
            return self._file.seek(position, whence)
        except OSError as error:
            raise storage_error(error, f"write to {self.path.parent}") from error

    def close(self) -> None:
        """Remove the file, unless it was moved away."""
        # Closing writes what is buffered, which may fail on a full disk; the file goes in any case.
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


class UploadRequest(Request):
    """A request whose files go to the disk as they arrive."""

    @property
    def received(self) -> list[UploadFile]:
        """The files received so far."""
        return cast("list[UploadFile]", self.__dict__.setdefault("_received", []))

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - werkzeug's signature
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        return cast("IO[bytes]", self.new_file())

    def new_file(self) -> UploadFile:
        """A fresh file that goes when the request ends."""
        opened = services()
        file = UploadFile(opened.paths.temp_dir(), opened.settings.limits.max_audio_size_mb << 20)
        self.received.append(file)
        return file

    def discard(self) -> None:
        """Remove what was received."""
        for file in self.received:
            file.close()
        self.received.clear()
