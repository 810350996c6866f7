"""Reading and writing the files of a profile, distrusting what lies on the disk."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from pathlib import Path
from tokenize import TokenError

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from pydantic import ValidationError

from auto_voice.atomic_file import atomic_write, storage_error
from auto_voice.errors import AutoVoiceError, StorageError
from auto_voice.features import VoiceState
from auto_voice.profiles.profile import SCHEMA_VERSION, VoiceProfile

MAXIMUM_BYTES = {".json": 1 << 20, ".npy": 1 << 20, ".flac": 128 << 20, ".safetensors": 512 << 20}
"""Largest file of each kind that is read; ours stay far below."""

LONGEST_REFERENCE_SECONDS = 3600.0
"""Longest recording that is decoded; ours are as long as `limits.max_profile_duration_s` at most."""

Embedding = NDArray[np.float32]

# All that NumPy was seen to raise for what is no .npy file; its header is read as Python, in part by a tokenizer.
_NOT_NUMPY = (ValueError, TypeError, OSError, EOFError, SyntaxError, TokenError, MemoryError, RecursionError)


def read_file(path: Path) -> bytes:
    """The bytes of a plain file that is not larger than its kind may be.

    Raises:
        FileNotFoundError: there is none.
        StorageError: it is a link, a pipe, a folder, too large, or not readable.
    """
    try:
        # Never follow a link, and never wait for the other end of a pipe that lies there instead of a file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StorageError(f"{path.name} is not a plain file")
            largest = MAXIMUM_BYTES[path.suffix]
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise storage_error(error, f"read {path.name}") from error
    if len(content) > largest:
        raise StorageError(f"{path.name} is larger than {largest >> 20} MiB")
    return content


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises StorageError."""
    with atomic_write(path) as file:
        file.write(content)


def dump_profile(profile: VoiceProfile) -> bytes:
    """The profile as JSON, UTF-8."""
    return (profile.model_dump_json(indent=2) + "\n").encode()


def parse_profile(content: bytes) -> VoiceProfile:
    """The profile in a JSON document. Raises StorageError saying what is wrong with it."""
    try:
        document = json.loads(content)
        version = document.get("schema_version") if isinstance(document, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise StorageError("it was written by a newer AutoVoice", suggestions=["Update AutoVoice."])
        return VoiceProfile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise StorageError(f"{place}: {first['msg']}") from error
    except StorageError:
        raise
    except (ValueError, RecursionError, AutoVoiceError) as error:
        raise StorageError(f"it is not a profile's JSON ({error})") from error


def dump_embedding(embedding: Embedding) -> bytes:
    """A .npy file, checked. Raises StorageError."""
    _check_embedding(embedding, embedding.size)
    buffer = io.BytesIO()
    np.save(buffer, embedding, allow_pickle=False)
    return buffer.getvalue()


def parse_embedding(content: bytes, dimensions: int) -> Embedding:
    """The embedding in a .npy file; never unpickles. Raises StorageError."""
    try:
        embedding = np.load(io.BytesIO(content), allow_pickle=False)
    except _NOT_NUMPY as error:
        raise StorageError(f"the embedding is not a .npy file ({error})") from error
    if not isinstance(embedding, np.ndarray):
        raise StorageError("the embedding is an archive, not an array")
    _check_embedding(embedding, dimensions)
    return embedding


def dump_state(state: VoiceState) -> bytes:
    """A converter's state as safetensors."""
    return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in state.items()})


def parse_state(content: bytes) -> VoiceState:
    """A converter's state from safetensors. Raises StorageError."""
    try:
        return safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise StorageError(f"the converter's file is damaged ({error})") from error


def sha256(content: bytes) -> str:
    """Checksum, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _check_embedding(embedding: NDArray[np.generic], dimensions: int) -> None:
    if embedding.dtype != np.float32 or embedding.shape != (dimensions,):
        raise StorageError(f"the embedding is {embedding.dtype} {embedding.shape}, not float32 ({dimensions},)")
    if not np.isfinite(embedding).all() or not embedding.any():
        raise StorageError("the embedding holds no usable numbers")
