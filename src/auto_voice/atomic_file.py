"""Files that are either whole or not there: written beside their place, flushed, then renamed into it.

The sequence (write, fsync, rename, fsync of the folder) is the one POSIX needs for a file to survive a crash.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, cast

from auto_voice.errors import StorageError

# Also how the safetensors package names its own temporary files.
_PREFIX = ".tmp"
_STALE_SECONDS = 3600.0

_REMEDIES = {
    errno.ENOSPC: "The disk is full. Free some space, or name another folder in the configuration.",
    errno.EDQUOT: "The disk quota is used up. Free some space, or name another folder in the configuration.",
    errno.EFBIG: "The file would be larger than this system allows. Raise the limit (ulimit -f).",
    errno.EACCES: "Give the user that runs AutoVoice write permission there, or name another folder.",
    errno.EPERM: "Give the user that runs AutoVoice write permission there, or name another folder.",
    errno.EROFS: "The file system is mounted read-only. Name a folder on a writable one.",
    errno.ENOENT: "The folder does not exist. Make it first, or check the spelling.",
    errno.ENOTDIR: "A part of the path is a file, not a folder. Check the spelling.",
    errno.EISDIR: "There is a folder of that name. Choose another file name.",
    errno.ENAMETOOLONG: "Choose a shorter file name.",
}


def storage_error(error: OSError, action: str) -> StorageError:
    """The StorageError that tells what could not be done (`action`, a verb phrase), why, and the remedy."""
    remedy = _REMEDIES.get(error.errno or 0)
    return StorageError(f"cannot {action}: {error.strerror or error}", suggestions=[remedy] if remedy else [])


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, for writers that want a name; what they leave there becomes `path`.

    Readers, and a crash at any moment, find the old file or the whole new one. The folder must exist. When
    the block raises, nothing is left behind. Two writers of one path both succeed: the last to finish stays.
    A file that is replaced keeps its permissions.

    Raises:
        StorageError: the disk is full, read-only or closed to us; the message says what to do.
    """
    temporary = path.with_name(f"{_PREFIX}{secrets.token_hex(8)}")
    try:
        yield temporary
        _sync(temporary)
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
        # Some network file systems cannot sync a folder; the file's own bytes are safe by then.
        with contextlib.suppress(OSError):
            _sync(path.parent)
    except OSError as error:
        raise storage_error(error, f"write {path}") from error
    finally:
        # After the rename there is no temporary any more; after any failure, Ctrl-C included, it must go.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_write(path: Path, mode: Literal["wb", "w+b"] = "wb") -> Iterator[BinaryIO]:
    """`atomic_path`, opened for writing bytes ("w+b": and for reading back what was written)."""
    with atomic_path(path) as temporary, temporary.open(mode.replace("w", "x")) as file:
        yield cast(BinaryIO, file)


def temporary_file(folder: Path) -> tuple[Path, BinaryIO]:
    """A fresh file in `folder`, for its owner only, open for writing and reading; the caller removes it.

    Should the process be killed before that, `remove_stale_temporaries` knows the file by its name.

    Raises:
        StorageError: the folder cannot be written; the message says what to do.
    """
    path = folder / f"{_PREFIX}{secrets.token_hex(8)}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(error, f"write to {folder}") from error
    return path, os.fdopen(descriptor, "w+b")


def remove_stale_temporaries(folder: Path, older_than_seconds: float = _STALE_SECONDS) -> int:
    """Remove what killed writers left in `folder`; younger files may still be in work. Returns how many."""
    removed = 0
    limit = time.time() - older_than_seconds
    for temporary in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if temporary.stat().st_mtime <= limit:
                temporary.unlink()
                removed += 1
    return removed


def _sync(path: Path) -> None:
    """Have a file's bytes, or a folder's entries, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
