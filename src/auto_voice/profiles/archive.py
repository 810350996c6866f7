"""One file that holds a whole profile: a ZIP of its files with a manifest of their checksums.

What comes in is not trusted: only the members our own export writes are accepted, each within its size,
unencrypted, and equal to its checksum; nothing is ever extracted by a name from the archive.
"""

from __future__ import annotations

import errno
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from auto_voice.atomic_file import atomic_write, storage_error
from auto_voice.audio import DecodeLimits, decode
from auto_voice.errors import AutoVoiceError, FileTooLargeError, InvalidParametersError, NotFoundError
from auto_voice.profiles import files
from auto_voice.profiles.profile import VoiceProfile

FORMAT = "autovoice-profile"
VERSION = 1

_STATE = re.compile(r"voice_state_([a-z0-9][a-z0-9_-]{0,63})\.safetensors")
_REQUIRED = ("profile.json", "embedding.npy", "reference.flac")
_MANIFEST = "manifest.json"
_MOST_MEMBERS = 32
_END = struct.Struct("<4s4H2LH")
_LARGEST_DIRECTORY = 16 << 10
_CHUNK = 1 << 20


@dataclass(frozen=True)
class ArchiveLimits:
    """How much of a stranger's archive is read before it is refused.

    Attributes:
        max_bytes: of all members together, unpacked; they are held in memory.
        max_seconds: length of the recording.
    """

    max_bytes: int = 1 << 30
    max_seconds: float = files.LONGEST_REFERENCE_SECONDS


@dataclass(frozen=True)
class Contents:
    """A profile and the bytes of its files."""

    profile: VoiceProfile
    embedding: bytes
    reference: bytes
    states: Mapping[str, bytes]


def save(path: Path, contents: Contents) -> None:
    """Write an archive, whole or not at all. Raises StorageError."""
    members = {
        "profile.json": files.dump_profile(contents.profile),
        "embedding.npy": contents.embedding,
        "reference.flac": contents.reference,
        **{f"voice_state_{name}.safetensors": content for name, content in contents.states.items()},
    }
    checksums = {name: {"sha256": files.sha256(content), "bytes": len(content)} for name, content in members.items()}
    manifest = {"format": FORMAT, "version": VERSION, "files": checksums}
    with atomic_write(path, "w+b") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
        for name, content in members.items():
            archive.writestr(name, content)


def load(path: Path, limits: ArchiveLimits | None = None) -> Contents:
    """Read an archive and check everything in it.

    Raises:
        NotFoundError: there is no such file.
        InvalidParametersError: it is not a sound archive; says why.
        FileTooLargeError: it holds more than `limits` allows.
        StorageError: it cannot be read.
    """
    limits = limits or ArchiveLimits()
    try:
        _check_end(path)
        with zipfile.ZipFile(path) as archive:
            members = {entry.filename: _member(archive, entry) for entry in _entries(archive, limits)}
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise _refused(f"it is not a readable ZIP ({error})") from error
    except OSError as error:
        if error.errno == errno.EINVAL:
            # `zipfile` goes wherever the archive says that a member is, before the file's beginning, too.
            raise _refused("it is not a readable ZIP (its places are wrong)") from error
        raise storage_error(error, f"read {path}") from error
    _check_manifest(members)
    return _checked(members, limits)


def _check_end(path: Path) -> None:
    """Refuse what `zipfile` would spend memory on: it reads the directory of a million members without a question.

    Our own archives end in a plain end record: no comment behind it, no ZIP64 record before it.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END.size - 20))
        tail = file.read()
    if len(tail) < _END.size:
        raise _refused("it is not a readable ZIP (it is too short)")
    mark, *_, entries, directory, _, comment = _END.unpack(tail[-_END.size :])
    if mark != b"PK\5\6" or comment:
        raise _refused("it is not a readable ZIP (it does not end as one of ours)")
    if entries > _MOST_MEMBERS or directory > _LARGEST_DIRECTORY or tail.startswith(b"PK\6\7"):
        raise _refused("it has too many members")


def _entries(archive: zipfile.ZipFile, limits: ArchiveLimits) -> list[zipfile.ZipInfo]:
    """The members, once their names, kinds and declared sizes are as they should be."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > _MOST_MEMBERS or len(set(names)) != len(names):
        raise _refused("it has too many members, or two of one name")
    for entry in entries:
        known = entry.filename in (_MANIFEST, *_REQUIRED) or _STATE.fullmatch(entry.filename)
        kind = (entry.external_attr >> 16) & 0o170000
        if not known or kind not in (0, 0o100000) or entry.flag_bits & 0x1:
            raise _refused(f"it holds {entry.filename[:100]!r}, which does not belong into a profile")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(f"{entry.filename} is packed as none of ours is")
    if sum(entry.file_size for entry in entries) > limits.max_bytes:
        raise _too_large(f"unpacked it would be larger than {limits.max_bytes >> 20} MiB")
    in_order = sorted(entries, key=lambda entry: entry.header_offset)
    for entry, following in pairwise(in_order):
        if entry.header_offset + entry.compress_size > following.header_offset:
            raise _refused("its members lie over one another")
    missing = {_MANIFEST, *_REQUIRED} - set(names)
    if missing:
        raise _refused(f"{', '.join(sorted(missing))} is missing")
    return entries


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """A member's bytes, never more than its kind may have, whatever the archive declares."""
    largest = files.MAXIMUM_BYTES[Path(entry.filename).suffix]
    content = bytearray()
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            content += chunk
            if len(content) > largest:
                raise _too_large(f"{entry.filename} is larger than {largest >> 20} MiB")
    return bytes(content)


def _check_manifest(members: Mapping[str, bytes]) -> None:
    try:
        manifest: Any = json.loads(members[_MANIFEST])
        kind, version, listed = manifest["format"], manifest["version"], dict(manifest["files"])
        checksums = {name: str(entry["sha256"]) for name, entry in listed.items()}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refused("its manifest cannot be read") from error
    if kind != FORMAT or version != VERSION:
        raise _refused(f"it says it is {kind!r} version {version!r}, not {FORMAT!r} version {VERSION}")
    actual = {name: files.sha256(content) for name, content in members.items() if name != _MANIFEST}
    if actual != checksums:
        wrong = sorted(name for name in {*actual, *checksums} if actual.get(name) != checksums.get(name))
        raise _refused(f"{', '.join(wrong)[:200]}: the checksum does not match")


def _checked(members: Mapping[str, bytes], limits: ArchiveLimits) -> Contents:
    """The members as a profile; each is parsed, so that nothing damaged reaches the folder of profiles."""
    reference = members["reference.flac"]
    states = {match[1]: content for name, content in members.items() if (match := _STATE.fullmatch(name)) is not None}
    try:
        profile = files.parse_profile(members["profile.json"])
        files.parse_embedding(members["embedding.npy"], profile.embedding_info.dimensions)
        decode(reference, DecodeLimits(max_bytes=len(reference), max_seconds=limits.max_seconds, max_channels=1))
        for content in states.values():
            files.parse_state(content)
    except FileTooLargeError as error:
        raise _too_large(error.message) from error
    except AutoVoiceError as error:
        raise _refused(error.message) from error
    return Contents(profile=profile, embedding=members["embedding.npy"], reference=reference, states=states)


def _refused(why: str) -> InvalidParametersError:
    return InvalidParametersError(
        f"this is not a profile archive that can be imported: {why}",
        suggestions=["Export the profile again and copy the file whole."],
    )


def _too_large(why: str) -> FileTooLargeError:
    return FileTooLargeError(
        f"this is not a profile archive that can be imported: {why}",
        suggestions=["Clone the voice anew from a shorter recording."],
    )
