"""Signing results, so that it can be told later where they came from and that nobody changed them."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from auto_voice import __version__
from auto_voice.atomic_file import atomic_write, storage_error
from auto_voice.audio import Audio, write
from auto_voice.config import Settings
from auto_voice.provenance.key import signing_key, text_of
from auto_voice.provenance.origin import SOFTWARE, Origin, canonical, sidecar_of, tags

ALGORITHM = "Ed25519"


def sign(file: Path, origin: Origin, settings: Settings) -> dict[str, Any]:
    """Write the signed document of a file that is complete, beside it (`sidecar_of`).

    Returns:
        The document: `synthetic`, `kind`, `job`, `profile`, `created_at`, `software`, `version`, `file` (its name),
        `size` (bytes), `sha256`, `algorithm`, `public_key`, and `signature` over all the others.

    Raises:
        StorageError: the file or the key cannot be read, or the document cannot be written.
    """
    key = signing_key(settings)
    document: dict[str, Any] = {
        "synthetic": True,
        "kind": origin.kind,
        "job": origin.job,
        "profile": origin.profile,
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "software": SOFTWARE,
        "version": __version__,
        "file": file.name,
        **measure(file),
        "algorithm": ALGORITHM,
        "public_key": text_of(key.public_key()),
    }
    document["signature"] = base64.b64encode(key.sign(canonical(document))).decode("ascii")
    with atomic_write(sidecar_of(file)) as stream:
        stream.write(json.dumps(document, indent=2).encode("ascii") + b"\n")
    return document


def write_signed(path: Path, audio: Audio, origin: Origin, settings: Settings, **options: Any) -> dict[str, Any]:
    """Write a sound file that says it is synthetic, and its signed document.

    Args:
        path: where to; the document goes beside it.
        audio: the sound.
        origin: what made it.
        settings: name the folder of the key.
        options: of `audio.write`: format, bit_depth, bitrate_kbps, dither.

    Returns:
        The document, as `sign`; it has the file's `size` and `sha256`.

    Raises:
        InvalidParametersError, StorageError: as `audio.write` and `sign`.
    """
    write(path, audio, tags=tags(origin.job, origin.profile), **options)
    return sign(path, origin, settings)


def measure(file: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file, as they stand in the document. Raises StorageError."""
    digest, size = hashlib.sha256(), 0
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise storage_error(error, f"read {file}") from error
    return {"size": size, "sha256": digest.hexdigest()}
