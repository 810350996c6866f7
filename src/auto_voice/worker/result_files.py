"""The files of a result: how they are described, and how they are made to stay."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from auto_voice.atomic_file import storage_error
from auto_voice.storage.paths import private_folder

MIME_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".aac": "audio/aac",
    ".pcm": "audio/pcm",
    ".json": "application/json",
}
_BLOCK_BYTES = 1 << 20


def described(file: Path) -> dict[str, Any]:
    """What a result says of a file: its size in bytes, its SHA-256 and its MIME type."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK_BYTES):
            digest.update(block)
    return {"size": file.stat().st_size, "sha256": digest.hexdigest(), "mime": MIME_TYPES[file.suffix]}


def attempt_folder(folder: Path) -> Path:
    """Make an attempt's folder, empty. Raises StorageError when that cannot be."""
    shutil.rmtree(folder, ignore_errors=True)
    return private_folder(folder)


def seal(folder: Path) -> None:
    """Have the attempt's folder, its entries and its own entry, reach the disk. Raises StorageError."""
    try:
        for each in (folder, folder.parent, folder.parent.parent):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise storage_error(error, f"keep {folder}") from error


def discard(folder: Path) -> None:
    """Remove what an attempt made that does not count; cleanup gets what cannot be removed now."""
    shutil.rmtree(folder, ignore_errors=True)


def keep_alone(folder: Path) -> None:
    """Remove the folders of the job's other attempts: this one ended it."""
    for other in folder.parent.glob("attempt-*"):
        if other != folder:
            discard(other)
