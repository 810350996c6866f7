"""Opening what we are handed: a regular file or bytes, never a folder, pipe or device."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from auto_voice.audio.limits import DecodeLimits
from auto_voice.errors import FileTooLargeError, InvalidAudioError, NotFoundError


@contextlib.contextmanager
def open_source(source: Path | str | bytes, limits: DecodeLimits) -> Iterator[BinaryIO]:
    """A seekable file with a real descriptor; a name is used to open it and for nothing else.

    Raises:
        NotFoundError: there is no such file.
        InvalidAudioError: it cannot be opened, or is not a regular file.
        FileTooLargeError: it has more bytes than `limits` allows.
    """
    descriptor = _from_bytes(source) if isinstance(source, bytes) else _from_path(source)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
            raise InvalidAudioError(f"This is {kind}, not an audio file.", suggestions=["Name one audio file."])
        if status.st_size > limits.max_bytes:
            raise FileTooLargeError(
                f"The file has {_megabytes(status.st_size)}; the limit is {_megabytes(limits.max_bytes)}.",
                suggestions=["Send a compressed format (FLAC, MP3, Ogg), or a shorter part."],
            )
        # Unbuffered: readers share the descriptor's own position with libsndfile and ffmpeg.
        yield cast(BinaryIO, os.fdopen(descriptor, "rb", buffering=0, closefd=False))
    finally:
        os.close(descriptor)


def _from_path(path: Path | str) -> int:
    try:
        # Non-blocking, so that a pipe without a writer does not hold us up before it is refused.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except PermissionError as error:
        raise InvalidAudioError(
            f"The file {os.fspath(path)!r} cannot be opened: permission denied.",
            suggestions=["Give the user that runs AutoVoice permission to read it."],
        ) from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NotFoundError(
            f"There is no file {os.fspath(path)!r}.", suggestions=["Check the spelling of the path."]
        ) from error
    except OSError as error:
        raise InvalidAudioError(
            f"The file {os.fspath(path)!r} cannot be opened: {error.strerror}.",
            suggestions=["Check the path."],
        ) from error


def _from_bytes(data: bytes) -> int:
    """An anonymous file in memory: libsndfile and ffmpeg read it like any other, and it leaves no trace."""
    descriptor = os.memfd_create("recording", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    return descriptor


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"
