"""The key that signs results: Ed25519, made when first used, known to this installation alone."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from filelock import FileLock

from auto_voice.atomic_file import atomic_path, storage_error
from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.storage.paths import Paths


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The installation's private key; of several processes that ask first at once, one makes it for all.

    Raises:
        StorageError: it cannot be read or made, or the file holds something else.
    """
    file = Paths(settings).signing_key_file()
    if not file.exists():
        _make(file)
    return _read(file)


def public_key(settings: Settings) -> str | None:
    """The public key in base64, which anybody may have; None where nothing was signed yet. Raises as `signing_key`."""
    file = Paths(settings).signing_key_file()
    return text_of(_read(file).public_key()) if file.exists() else None


def text_of(key: Ed25519PublicKey) -> str:
    """A public key in base64: 44 characters."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode("ascii")


def _make(file: Path) -> None:
    try:
        with FileLock(f"{file}.lock"):
            if file.exists():
                return
            pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            with atomic_path(file) as temporary:
                # For its owner only before the first byte is in it.
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(pem)
    except OSError as error:
        raise storage_error(error, f"write {file}") from error


def _read(file: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise storage_error(error, f"read {file}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise StorageError(
            f"{file} is not the key that results are signed with",
            suggestions=[
                "Restore it from a backup, or move it away: a new one is made, and older results are foreign."
            ],
        )
    return key
