"""Voice profiles, as everybody else uses them: create, list, find, delete, export, import."""

from __future__ import annotations

import difflib
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from auto_voice.audio import Audio, DecodeLimits, decode, write
from auto_voice.config import Settings, load_settings
from auto_voice.errors import InvalidParametersError, NotFoundError, StorageError
from auto_voice.features import VoiceState
from auto_voice.profiles import archive, files
from auto_voice.profiles.files import Embedding
from auto_voice.profiles.folder import ProfileFolder, not_found
from auto_voice.profiles.profile import AdaptationInfo, Consent, VoiceProfile, clean_user_id
from auto_voice.storage.paths import Paths, is_profile_id

SortKey = Literal["created_at", "profile_name", "user_id", "quality_score"]
Order = Literal["asc", "desc"]

_SHORTEST_PREFIX = 4

_log = logging.getLogger("auto_voice.profiles")


class ProfileStore:
    """The profiles in `storage.voice_profiles_dir`. Safe for several threads and processes at once.

    Wherever `user_id` may be given, a profile of another owner is not found, as if it did not exist.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._folder = ProfileFolder(Paths(settings or load_settings()))

    def create(
        self,
        profile: VoiceProfile,
        *,
        embedding: Embedding,
        reference: Audio,
        voice_states: Mapping[str, VoiceState] | None = None,
    ) -> VoiceProfile:
        """Store a new profile. One of that id that is there already stays as it is, and is given back.

        So work that is done a second time, because nobody knew that it had been done, makes no second voice.

        Args:
            profile: its `voice_states` are filled in here.
            embedding: float32 (dimensions,), finite.
            reference: the cleaned recording; kept as 24-bit FLAC at its own rate.
            voice_states: what each converter learnt, by the converter's name.

        Raises:
            StorageError: the disk is full or closed to us; nothing is left behind.
        """
        with self._folder.lock():
            if self._folder.exists(profile.profile_id):
                return self._folder.read(profile.profile_id)
            return self._folder.write(
                profile,
                files.dump_embedding(embedding),
                lambda path: write(path, reference, bit_depth="24"),
                {name: files.dump_state(state) for name, state in (voice_states or {}).items()},
            )

    def list(
        self,
        user_id: str | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
        sort_by: SortKey = "created_at",
        order: Order = "desc",
    ) -> Sequence[VoiceProfile]:
        """Profiles, the newest first unless asked otherwise. A damaged one is skipped; the log says so.

        Raises:
            InvalidParametersError: negative limit or offset, unknown key or order.
        """
        if offset < 0 or (limit is not None and limit < 0):
            raise InvalidParametersError("limit and offset must not be negative")
        if sort_by not in get_args(SortKey) or order not in get_args(Order):
            raise InvalidParametersError(
                f"cannot sort by {sort_by!r} {order!r}",
                suggestions=[f"sort_by: {', '.join(get_args(SortKey))}; order: {', '.join(get_args(Order))}"],
            )
        found = sorted(self._sound(user_id), key=lambda profile: _sort_key(profile, sort_by), reverse=order == "desc")
        return found[offset : None if limit is None else offset + limit]

    def count(self, user_id: str | None = None) -> int:
        """How many profiles `list` gives without a limit."""
        return sum(1 for _ in self._sound(user_id))

    def get(self, profile_id: str, user_id: str | None = None) -> VoiceProfile:
        """One profile, its files checked.

        Raises:
            ProfileNotFoundError: no such id, no possible id, or another owner's.
            StorageError: it is there but damaged; the message says how.
        """
        profile = self._folder.read(profile_id)
        if user_id is not None and profile.user_id != clean_user_id(user_id):
            raise not_found()
        return profile

    def find(self, text: str, user_id: str | None = None) -> VoiceProfile:
        """The profile meant by an id, the beginning of an id (four characters or more), or a name.

        Raises:
            ProfileNotFoundError: none; suggests names that come near.
            InvalidParametersError: several.
            StorageError: the id is a damaged profile's.
        """
        if is_profile_id(text):
            return self.get(text, user_id)
        profiles = self.list(user_id)
        wanted = text.strip().casefold()
        matches = [profile for profile in profiles if profile.profile_name.casefold() == wanted]
        if not matches and len(text) >= _SHORTEST_PREFIX:
            matches = [profile for profile in profiles if profile.profile_id.startswith(text)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise InvalidParametersError(
                f"{text!r} means {len(matches)} profiles",
                suggestions=[f"{profile.profile_id}  {profile.profile_name}" for profile in matches],
            )
        near = difflib.get_close_matches(text, [profile.profile_name for profile in profiles], n=3)
        raise not_found(*(f"Did you mean {name!r}?" for name in near))

    def delete(self, profile_id: str, user_id: str | None = None) -> None:
        """Remove a profile with all its files; without `user_id` a damaged one, too.

        Raises:
            ProfileNotFoundError: as `get`.
            StorageError: a file cannot be removed.
        """
        if user_id is not None:
            self.get(profile_id, user_id)
        elif not self._folder.exists(profile_id):
            raise not_found()
        self._folder.remove(profile_id)

    def export(self, profile_id: str, path: Path | str, user_id: str | None = None) -> None:
        """Write the profile with all its files into one archive (ZIP with checksums).

        Raises:
            ProfileNotFoundError, StorageError: as `get`, or the archive cannot be written.
        """
        profile = self.get(profile_id, user_id)
        contents = archive.Contents(
            profile=profile,
            embedding=self._folder.embedding_bytes(profile_id),
            reference=self._folder.reference_bytes(profile_id),
            states={name: self._folder.state_bytes(profile, name) for name in profile.voice_states},
        )
        archive.save(Path(path), contents)

    def import_(
        self,
        path: Path | str,
        user_id: str | None = None,
        *,
        keep_id: bool = False,
        profile_id: str | None = None,
        consent: Consent | None = None,
        limits: archive.ArchiveLimits | None = None,
    ) -> VoiceProfile:
        """Store the profile in an archive made by `export`.

        Args:
            path: the archive.
            user_id: the new owner; the archive's owner where not given.
            keep_id: refuse when the profile's id is taken, rather than give it a new one.
            profile_id: a new id of the caller's choice.
            consent: a new statement; takes the place of the archive's.
            limits: how much an archive may hold.

        Raises:
            NotFoundError: there is no such file.
            InvalidParametersError: it is no profile archive, damaged or tampered with; or the id is taken.
            FileTooLargeError: it holds more than `limits` allows.
            StorageError: the disk is full or closed to us.
        """
        contents = archive.load(Path(path), limits)
        changes: dict[str, object] = {} if user_id is None else {"user_id": clean_user_id(user_id)}
        if consent is not None:
            changes["consent"] = consent
        if profile_id is not None:
            changes["profile_id"] = profile_id
        with self._folder.lock():
            if self._folder.exists(profile_id or contents.profile.profile_id):
                if keep_id:
                    raise InvalidParametersError(
                        f"there is a profile {contents.profile.profile_id} already",
                        suggestions=["Import it under a new id (without --keep-id), or delete the other one."],
                    )
                changes["profile_id"] = str(uuid.uuid4())
            return self._folder.write(
                contents.profile.model_copy(update=changes),
                contents.embedding,
                lambda target: files.write_file(target, contents.reference),
                contents.states,
            )

    def load_embedding(self, profile_id: str) -> Embedding:
        """The speaker embedding, float32 (dimensions,). Raises as `get`."""
        return self._folder.embedding(profile_id)

    def load_reference(self, profile_id: str) -> Audio:
        """The cleaned recording, mono. Raises as `get`."""
        self._folder.read(profile_id)
        content = self._folder.reference_bytes(profile_id)
        return decode(content, DecodeLimits(max_bytes=len(content), max_seconds=files.LONGEST_REFERENCE_SECONDS))

    def load_voice_state(self, profile_id: str, converter: str) -> VoiceState:
        """What the converter learnt of the voice.

        Raises:
            NotFoundError: that converter has learnt nothing of this voice yet.
            ProfileNotFoundError, StorageError: as `get`.
        """
        profile = self._folder.read(profile_id)
        if converter not in profile.voice_states:
            raise NotFoundError(f"profile {profile_id} holds nothing for the converter {converter!r}")
        return files.parse_state(self._folder.state_bytes(profile, converter))

    def save_voice_state(
        self, profile_id: str, converter: str, state: VoiceState, adaptation: AdaptationInfo | None = None
    ) -> VoiceProfile:
        """Keep, or replace, what a converter learnt of the voice, and how it was fitted to it, if it was.

        Raises as `get`.
        """
        return self._folder.add_state(profile_id, converter, files.dump_state(state), adaptation)

    def _sound(self, user_id: str | None) -> Iterator[VoiceProfile]:
        owner = None if user_id is None else clean_user_id(user_id)
        for profile_id in self._folder.ids():
            try:
                profile = self._folder.read(profile_id)
            except NotFoundError:
                continue  # deleted by another process since the folder was read
            except StorageError as error:
                _log.warning("%s", error.message)
                continue
            if owner is None or profile.user_id == owner:
                yield profile


def _sort_key(profile: VoiceProfile, sort_by: SortKey) -> tuple[str | float, str]:
    values: dict[SortKey, str | float] = {
        "created_at": profile.created_at.timestamp(),
        "profile_name": profile.profile_name.casefold(),
        "user_id": profile.user_id.casefold(),
        "quality_score": profile.quality_metrics.quality_score,
    }
    return values[sort_by], profile.profile_id
