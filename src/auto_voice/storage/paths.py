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
from auto_voice.errors import ConversionNotFoundError, InvalidParametersError, ProfileNotFoundError

CacheKind = Literal["separations", "conversions", "pitch", "content"]
CACHE_KINDS: tuple[CacheKind, ...] = get_args(CacheKind)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JOB = re.compile(r"conv-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_job_id(text: str) -> bool:
    """Whether the text has the form of a job's id: `conv-` and a version 4 UUID in lower case."""
    return isinstance(text, str) and _JOB.fullmatch(text) is not None


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

    def profile_preview(self, profile_id: str, format: Literal["mp3", "wav"]) -> Path:
        """A sentence in that voice, for those who want to hear it."""
        return self._profile(profile_id, f"_preview.{format}")

    def profile_previews(self, profile_id: str) -> list[Path]:
        """The sentence in all formats there may be."""
        return [self.profile_preview(profile_id, "mp3"), self.profile_preview(profile_id, "wav")]

    def cache_dir(self, kind: CacheKind) -> Path:
        """The folder of one kind of cache entries; the cache makes it when it first writes."""
        if kind not in CACHE_KINDS:
            raise InvalidParametersError(f"unknown cache {kind!r}; there are {', '.join(CACHE_KINDS)}")
        return self._storage.cache_dir / kind

    def job_dir(self, job_id: str) -> Path:
        """The folder of a job's files (`conv-` and a version 4 UUID); it may not be there.

        Raises:
            ConversionNotFoundError: the text is not a job's id.
        """
        if not is_job_id(job_id):
            raise ConversionNotFoundError
        return self._storage.conversions_dir / job_id

    def job_input(self, job_id: str, number: int = 0) -> Path:
        """The uploaded file of that number. This and the next ones raise as `job_dir`."""
        return self.job_dir(job_id) / f"input-{number:d}"

    def attempt_dir(self, job_id: str, attempt: int) -> Path:
        """What that attempt makes. Each has a folder of its own, so one that was given up never touches another's."""
        return self.job_dir(job_id) / f"attempt-{attempt:d}"

    def job_ids(self) -> list[str]:
        """Ids of the jobs that have a folder, sorted."""
        return sorted(each.name for each in self._storage.conversions_dir.glob("conv-*") if is_job_id(each.name))

    def database_file(self) -> Path:
        """SQLite's file where no other database is configured; its folder is made if it is not there."""
        return private_folder(self._storage.data_dir) / "autovoice.db"

    def queue_file(self) -> Path:
        """The file of the queue's messages; they can be made again from the database."""
        return private_folder(self._storage.data_dir) / "queue.db"

    def signing_key_file(self) -> Path:
        """The installation's private key, which signs results."""
        return private_folder(self._storage.data_dir) / "signing_key.pem"

    def metrics_dir(self) -> Path:
        """Where the processes of this machine keep what they count; made if it is not there."""
        return private_folder(self._storage.data_dir / "metrics")

    def temp_dir(self) -> Path:
        """The folder of work in progress; made if it is not there."""
        return private_folder(self._storage.temp_dir)

    def _profile(self, profile_id: str, ending: str) -> Path:
        if not is_profile_id(profile_id):
            raise ProfileNotFoundError
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
