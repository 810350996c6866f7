"""The files of jobs, as cleanup sees them: how large, how old, gone."""

from __future__ import annotations

import contextlib
import logging
import shutil
from pathlib import Path

_LOG = logging.getLogger(__name__)


def size_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; 0 for one that is not there."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # removed a moment ago
            total += path.lstat().st_size if path.is_file() else 0
    return total


def touched(path: Path) -> float:
    """When a file, or anything in a folder, was last written (epoch seconds); 0 for what is not there."""
    newest = 0.0
    for each in (path, *path.rglob("*")):
        with contextlib.suppress(OSError):
            newest = max(newest, each.lstat().st_mtime)
    return newest


def remove(path: Path) -> int:
    """Remove a file, or a folder with all its files; a link goes, not what it leads to.

    Returns: bytes freed; 0 for what cannot be removed, which is logged and stays.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            size = size_bytes(path)
            shutil.rmtree(path)
        else:
            size = path.lstat().st_size
            path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        _LOG.warning("cannot remove %s: %s", path.name, error)
        return 0
    return size
