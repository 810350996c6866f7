"""The only place that builds a path from an id or a name that came from outside.

Every id is checked against a strict pattern first, so no text can lead out of the configured folders; nothing
on the disk is touched for a text that fails. Folders are made when first asked for, for their owner only.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Literal, get_args

from auto_voice.atomic_file import storage_error
from auto_voice.config import Settings
from auto_voice.errors import InvalidParametersError, ProfileNotFoundError

CacheKind = Literal["separations", "conversions", "pitch", "content"]
CACHE_KINDS: tuple[CacheKind, ...] = get_args(CacheKind)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JOB = re.compile(r"conv-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_profile_id(text: str) -> bool:
    """Whether the text has the form of a profile id: a UUID in lower case."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


class Paths:
    """Where things are, by the settings. Holds no state; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._storage = settings.storage

    def profiles_dir(self) -> Path:
        """The folder of the voice profiles; made if it is not there."""
        return private_folder(self._storage.voice_profiles_dir)

    def profile_ids(self) -> list[str]:
        """Ids of the profiles on the disk, sorted."""
        files = self._storage.voice_profiles_dir.glob("*.json")
        return sorted(file.stem for file in files if is_profile_id(file.stem))

    def profile_json(self, profile_id: str) -> Path:
        """The profile itself. This and the next ones raise ProfileNotFoundError for what cannot be an id."""
        return self._profile(profile_id, ".json")

    def profile_embedding(self, profile_id: str) -> Path:
        """The speaker embedding, a .npy file."""
        return self._profile(profile_id, "_embedding.npy")

    def profile_reference(self, profile_id: str) -> Path:
        """The cleaned recording, a .flac file."""
        return self._profile(profile_id, "_reference.flac")

    def profile_voice_state(self, profile_id: str, converter: str) -> Path:
        """What the converter of that name learnt of the voice, a .safetensors file."""
        return self._profile(profile_id, f"_{_checked_name(converter)}.safetensors")

    def cache_dir(self, kind: CacheKind) -> Path:
        """The folder of one kind of cache entries; the cache makes it when it first writes."""
        if kind not in CACHE_KINDS:
            raise InvalidParametersError(f"unknown cache {kind!r}; there are {', '.join(CACHE_KINDS)}")
        return self._storage.cache_dir / kind

    def conversion_dir(self, job_id: str) -> Path:
        """The folder of one job's results (`conv-` and a version 4 UUID); made if it is not there.

        Raises:
            InvalidParametersError: the text is not a job's id.
        """
        if not isinstance(job_id, str) or not _JOB.fullmatch(job_id):
            raise InvalidParametersError("that is not the id of a conversion")
        return private_folder(self._storage.conversions_dir / job_id)

    def temp_dir(self) -> Path:
        """The folder of work in progress; made if it is not there."""
        return private_folder(self._storage.temp_dir)

    def _profile(self, profile_id: str, ending: str) -> Path:
        if not is_profile_id(profile_id):
            raise ProfileNotFoundError(suggestions=["`autovoice profiles list` prints the ids there are."])
        return self._storage.voice_profiles_dir / f"{profile_id}{ending}"


def private_folder(folder: Path) -> Path:
    """Make the folder, and those missing above it, for their owner only; one that exists stays as it is.

    Raises:
        StorageError: it cannot be made, or a file stands in its place.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            # Another process may make the same folder at the same moment.
            with contextlib.suppress(FileExistsError):
                each.mkdir(mode=0o700)
        if not folder.is_dir():
            raise NotADirectoryError(20, "a file stands in its place")
    except OSError as error:
        raise storage_error(error, f"use the folder {folder}") from error
    return folder


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidParametersError(f"{name!r} is not the name of an engine")
    return name
