"""Telling whether a file is what was signed here."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import soundfile
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auto_voice.atomic_file import storage_error
from auto_voice.errors import (
    ChangedFileError,
    ForeignSignatureError,
    InvalidParametersError,
    NotFoundError,
    UnsignedFileError,
)
from auto_voice.provenance.origin import TAG_BEGINS, canonical, sidecar_of
from auto_voice.provenance.sign import ALGORITHM, measure

_LARGEST_DOCUMENT = 64 << 10
_SHOWN_CHARACTERS = 200


def verify(file: Path, trusted_key: str | None, sidecar: Path | None = None) -> dict[str, Any]:
    """Check a file against its signed document. Nothing is written.

    Args:
        file: the result.
        trusted_key: the public key (base64) of the installation it should come from; None: no key is trusted.
        sidecar: the document; else the one beside the file.

    Returns:
        What was signed, without the signature.

    Raises:
        ChangedFileError: the file or the document is not as it was signed.
        ForeignSignatureError: both are, but it was signed by another installation.
        UnsignedFileError: there is no document; the message says what the file's own tags tell.
        InvalidParametersError: `trusted_key` is not a key.
        NotFoundError: no such file, or the named document is not there.
    """
    if trusted_key is not None and _key(trusted_key) is None:
        raise InvalidParametersError("A public key is 32 bytes in base64 (44 characters).")
    for each in (file, sidecar):
        if each is not None and not each.is_file():
            raise NotFoundError(f"no such file: {each}")
    document = sidecar or sidecar_of(file)
    if not document.is_file():
        raise _unsigned(file)
    statement = _signed(document)
    if {name: statement.get(name) for name in ("size", "sha256")} != measure(file):
        raise ChangedFileError(f"{file} was changed after it was signed, or {document.name} belongs to another file.")
    if statement["public_key"] != trusted_key:
        raise ForeignSignatureError(
            f"{file} is as it was signed, but by another installation, with the key {statement['public_key']}.",
            suggestions=["If you know and trust that key, name it with --key."],
        )
    return statement


def _signed(path: Path) -> dict[str, Any]:
    """The document without its signature, which is checked."""
    altered = ChangedFileError(f"{path} is not as it was signed.")
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_DOCUMENT + 1)
    except OSError as error:
        raise storage_error(error, f"read {path}") from error
    try:
        document = json.loads(data) if len(data) <= _LARGEST_DOCUMENT else None
        if not isinstance(document, dict) or document.get("algorithm") != ALGORITHM:
            raise altered
        key, signature = _key(document.get("public_key")), _bytes(document.pop("signature", None))
        if key is None or signature is None:
            raise altered
        key.verify(signature, canonical(document))
    except (ValueError, RecursionError, InvalidSignature):
        raise altered from None
    return document


def _unsigned(file: Path) -> UnsignedFileError:
    comment = _comment(file)
    if comment.startswith(TAG_BEGINS):
        said = f'nothing proves where {file} came from; its own tags, which anybody can write, say: "{comment}"'
    else:
        said = f"{file} comes without a signed document, and its tags do not say that it is synthetic"
    return UnsignedFileError(
        said, suggestions=[f"The document is called {sidecar_of(file).name}; name it with --sidecar."]
    )


def _comment(file: Path) -> str:
    """What the file's tags say, fit to be printed; empty for what is not a sound file."""
    try:
        with soundfile.SoundFile(file) as sound:
            text = str(sound.comment)
    except (soundfile.LibsndfileError, OSError, ValueError):
        return ""
    return "".join(each for each in text if each.isprintable())[:_SHOWN_CHARACTERS]


def _key(text: object) -> Ed25519PublicKey | None:
    raw = _bytes(text)
    return Ed25519PublicKey.from_public_bytes(raw) if raw is not None and len(raw) == 32 else None


def _bytes(text: object) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None
