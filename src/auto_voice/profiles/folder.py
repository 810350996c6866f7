"""Profiles as files: `{id}.json` and, beside it, the embedding, the cleaned recording, the converters' files.

The JSON is written last and removed first: it alone makes a profile exist, so a crash at any moment leaves a
whole profile or none. Files without their JSON are swept up when the next profile is made.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from auto_voice.atomic_file import remove_stale_temporaries, storage_error
from auto_voice.errors import AutoVoiceError, ProfileNotFoundError, StorageError
from auto_voice.profiles import files
from auto_voice.profiles.files import Embedding
from auto_voice.profiles.profile import AdaptationInfo, StoredState, VoiceProfile
from auto_voice.storage.paths import Paths, is_profile_id

_LEFTOVER_SECONDS = 3600.0
_LOCK_SECONDS = 30.0
_ID_LENGTH = 36


class ProfileFolder:
    """Profiles as files, whoever owns them. Safe for several threads and processes at once.

    What is damaged raises StorageError, which names the profile, the fault and the remedy.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def ids(self) -> list[str]:
        """Ids of all profiles, the damaged ones too."""
        return self._paths.profile_ids()

    def exists(self, profile_id: str) -> bool:
        """Whether there is a profile of that id, sound or damaged."""
        path = self._paths.profile_json(profile_id)
        return path.is_symlink() or path.exists()

    def read(self, profile_id: str) -> VoiceProfile:
        """The profile, once its embedding is sound and its recording there.

        Raises:
            ProfileNotFoundError: there is none, or that is no id.
            StorageError: it is damaged.
        """
        try:
            content = files.read_file(self._paths.profile_json(profile_id))
        except FileNotFoundError:
            raise not_found() from None
        except StorageError as error:
            raise _damaged(profile_id, error) from error
        with self._naming(profile_id):
            profile = files.parse_profile(content)
            if profile.profile_id != profile_id:
                raise StorageError(f"it calls itself {profile.profile_id!r}")
            self._embedding(profile)
            if not self._paths.profile_reference(profile_id).is_file():
                raise StorageError("its recording is missing")
        return profile

    def embedding(self, profile_id: str) -> Embedding:
        """The speaker embedding. Raises as `read`."""
        profile = self.read(profile_id)
        with self._naming(profile_id):
            return self._embedding(profile)

    def embedding_bytes(self, profile_id: str) -> bytes:
        """The embedding's file. Raises StorageError."""
        with self._naming(profile_id):
            return files.read_file(self._paths.profile_embedding(profile_id))

    def reference_bytes(self, profile_id: str) -> bytes:
        """The recording's file, FLAC. Raises StorageError."""
        with self._naming(profile_id):
            return files.read_file(self._paths.profile_reference(profile_id))

    def state_bytes(self, profile: VoiceProfile, converter: str) -> bytes:
        """A converter's file, its checksum verified. Raises StorageError."""
        with self._naming(profile.profile_id):
            content = files.read_file(self._paths.profile_voice_state(profile.profile_id, converter))
            if files.sha256(content) != profile.voice_states[converter].sha256:
                raise StorageError(f"the file of the converter {converter!r} was changed")
            return content

    def write(
        self,
        profile: VoiceProfile,
        embedding: bytes,
        write_reference: Callable[[Path], None],
        states: Mapping[str, bytes],
    ) -> VoiceProfile:
        """Write a new profile, with `voice_states` as `states` has them.

        Raises:
            StorageError: the disk is full or closed to us; nothing is left behind.
        """
        profile_id = profile.profile_id
        self._sweep(self._paths.profiles_dir())
        try:
            files.write_file(self._paths.profile_embedding(profile_id), embedding)
            write_reference(self._paths.profile_reference(profile_id))
            stored = {name: self._write_state(profile_id, name, content) for name, content in states.items()}
            complete = profile.model_copy(update={"voice_states": stored})
            files.write_file(self._paths.profile_json(profile_id), files.dump_profile(complete))
        except BaseException:  # Ctrl-C or a cancelled job must not leave half a profile either
            self.remove(profile_id)
            raise
        return complete

    def add_state(
        self, profile_id: str, converter: str, state: bytes, adaptation: AdaptationInfo | None = None
    ) -> VoiceProfile:
        """Write or replace a converter's file; an earlier adaptation of that converter goes with its earlier file.

        Raises as `read`.
        """
        with self.lock():
            profile = self.read(profile_id)
            stored = {**profile.voice_states, converter: self._write_state(profile_id, converter, state)}
            earlier = profile.adaptation
            if adaptation is None and earlier is not None and earlier.converter != converter:
                adaptation = earlier
            changed = profile.model_copy(update={"voice_states": stored, "adaptation": adaptation})
            files.write_file(self._paths.profile_json(profile_id), files.dump_profile(changed))
            if adaptation != earlier:  # it sounds otherwise now
                for path in self._paths.profile_previews(profile_id):
                    path.unlink(missing_ok=True)
        return changed

    def remove(self, profile_id: str) -> None:
        """Remove every file of a profile that there is, the JSON first. Raises StorageError."""
        main = self._paths.profile_json(profile_id)
        try:
            main.unlink(missing_ok=True)
            for file in main.parent.glob(f"{profile_id}_*"):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, f"delete profile {profile_id}") from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold off other processes that change profiles. Raises StorageError after half a minute."""
        path = self._paths.profiles_dir() / ".lock"
        try:
            with FileLock(path, timeout=_LOCK_SECONDS):
                yield
        except Timeout:
            raise StorageError("another process has kept the profiles locked for too long") from None

    def _embedding(self, profile: VoiceProfile) -> Embedding:
        content = files.read_file(self._paths.profile_embedding(profile.profile_id))
        return files.parse_embedding(content, profile.embedding_info.dimensions)

    def _write_state(self, profile_id: str, converter: str, content: bytes) -> StoredState:
        path = self._paths.profile_voice_state(profile_id, converter)
        files.write_file(path, content)
        return StoredState(file=path.name, sha256=files.sha256(content))

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Remove what crashes left behind; younger files may be another process's profile in the making."""
        remove_stale_temporaries(folder)
        limit = time.time() - _LEFTOVER_SECONDS
        for path in folder.glob("*_*"):
            profile_id = path.name[:_ID_LENGTH]
            with contextlib.suppress(OSError):
                orphan = is_profile_id(profile_id) and not (folder / f"{profile_id}.json").exists()
                if orphan and path.lstat().st_mtime < limit:
                    path.unlink()

    @staticmethod
    @contextlib.contextmanager
    def _naming(profile_id: str) -> Iterator[None]:
        """Let every fault found in the block say which profile has it."""
        try:
            yield
        except FileNotFoundError as error:
            missing = Path(str(error.filename)).name
            raise _damaged(profile_id, StorageError(f"{missing} is missing")) from error
        except StorageError as error:
            raise _damaged(profile_id, error) from error


def not_found(*suggestions: str) -> ProfileNotFoundError:
    """The error for a profile that is not there, or not the asking user's."""
    return ProfileNotFoundError(suggestions=[*suggestions])


def _damaged(profile_id: str, error: AutoVoiceError) -> StorageError:
    return StorageError(
        f"profile {profile_id} is damaged: {error.message}",
        suggestions=error.suggestions
        or [
            "Restore its files from a backup.",
            f"Or remove it (autovoice profiles delete {profile_id}) and clone again.",
        ],
    )
