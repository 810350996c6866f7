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

_PREFIX = ".tmp-"
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
def atomic_write(path: Path, mode: Literal["wb", "w+b"] = "wb") -> Iterator[BinaryIO]:
    """Write `path` so that readers, and a crash at any moment, find the old file or the whole new one.

    The bytes go to a temporary file in the same folder, which must exist. When the block ends well the file
    replaces `path`; when it raises, nothing is left behind. Two writers of one path both succeed: the last to
    finish stays. A new file is readable by its owner only; a file that is replaced keeps its permissions.

    Args:
        path: where the file goes.
        mode: "wb", or "w+b" for writers that read back what they wrote.

    Raises:
        StorageError: the disk is full, read-only or closed to us; the message says what to do.
    """
    temporary = path.with_name(f"{_PREFIX}{secrets.token_hex(8)}")
    try:
        with _private(temporary, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, f"write {path}") from error
    finally:
        # After the rename there is no temporary any more; after any failure, Ctrl-C included, it must go.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


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


def _private(path: Path, mode: str) -> BinaryIO:
    """Open a new file that only its owner can read."""
    return cast(
        BinaryIO, open(path, mode, opener=lambda name, flags: os.open(name, flags | os.O_EXCL, 0o600))
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Some network file systems cannot sync a folder; the file itself is safe."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
