"""A profile in one file: it moves whole, and nothing hostile gets in by it."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from auto_voice.config import Settings
from auto_voice.errors import FileTooLargeError, InvalidParametersError, NotFoundError, StorageError
from auto_voice.profiles import ProfileStore, VoiceProfile
from auto_voice.profiles.archive import ArchiveLimits
from simple_engines import adaptation, make_profile

Members = dict[str, bytes]


@pytest.fixture
def store(settings: Settings) -> ProfileStore:
    return ProfileStore(settings)


@pytest.fixture
def made(settings: Settings) -> VoiceProfile:
    return make_profile(settings, "Ada", retrieval={"envelopes": np.ones((3, 4), np.float16)})


@pytest.fixture
def archive(store: ProfileStore, made: VoiceProfile, tmp_path: Path) -> Path:
    path = tmp_path / "ada.zip"
    store.export(made.profile_id, path)
    return path


def test_a_voice_moves_to_another_machine(store: ProfileStore, made: VoiceProfile, archive: Path) -> None:
    before = store.load_reference(made.profile_id)
    store.delete(made.profile_id)
    again = store.import_(archive)

    assert again == made
    np.testing.assert_array_equal(store.load_reference(again.profile_id).samples, before.samples)
    assert store.load_voice_state(again.profile_id, "retrieval")["envelopes"].shape == (3, 4)


def test_an_adapted_voice_moves_with_its_scores(store: ProfileStore, made: VoiceProfile, tmp_path: Path) -> None:
    fitted = {"adapted.film": np.arange(5, dtype=np.float16)}
    adapted = store.save_voice_state(made.profile_id, "neural", fitted, adaptation("neural"))
    store.export(made.profile_id, tmp_path / "adapted.zip")
    store.delete(made.profile_id)
    again = store.import_(tmp_path / "adapted.zip")

    assert again == adapted
    assert again.adaptation is not None
    np.testing.assert_array_equal(store.load_voice_state(again.profile_id, "neural")["adapted.film"], np.arange(5))


def test_a_taken_id_is_replaced_unless_it_must_stay(store: ProfileStore, made: VoiceProfile, archive: Path) -> None:
    copy = store.import_(archive, user_id="bob")

    assert copy.profile_id != made.profile_id
    assert copy.user_id == "bob"
    assert copy.voice_states["retrieval"].file.startswith(copy.profile_id)
    with pytest.raises(InvalidParametersError, match="already"):
        store.import_(archive, keep_id=True)
    assert store.count() == 2


def rewrite(path: Path, change: Callable[[Members], None], *, fix_manifest: bool = True) -> None:
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    change(members)
    if fix_manifest and "manifest.json" in members:
        manifest = json.loads(members["manifest.json"])
        manifest["files"] = {
            name: {"sha256": sha256(content).hexdigest()}
            for name, content in members.items()
            if name != "manifest.json"
        }
        members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)


def put(name: str, content: bytes) -> Callable[[Members], None]:
    return lambda members: members.update({name: content})


def drop(name: str) -> Callable[[Members], None]:
    return lambda members: members.pop(name) and None


def change_profile(**changes: object) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        members["profile.json"] = json.dumps(json.loads(members["profile.json"]) | changes).encode()

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("../../evil.json", b"{}"), "does not belong"),
        (put("/etc/passwd", b"root"), "does not belong"),
        (put("extra.txt", b"hello"), "does not belong"),
        (put("voice_state_../x.safetensors", b""), "does not belong"),
        (drop("embedding.npy"), "missing"),
        (drop("manifest.json"), "missing"),
        (put("manifest.json", b"[]"), "manifest"),
        (put("manifest.json", b'{"format": "other", "version": 1, "files": {}}'), "other"),
        (put("embedding.npy", b"not numpy"), "embedding"),
        (put("reference.flac", b"not flac"), "can be imported: "),
        (put("voice_state_retrieval.safetensors", b"\xff" * 64), "converter"),
        (put("profile.json", b"{}"), "user_id"),
        (change_profile(profile_id="../../../tmp/x"), "profile_id"),
        (change_profile(user_id="a\0b"), "user_id"),
    ],
)
def test_a_tampered_archive_is_refused(
    store: ProfileStore, made: VoiceProfile, archive: Path, change: Callable[[Members], None], reason: str
) -> None:
    rewrite(archive, change, fix_manifest=reason not in ("manifest", "other"))
    with pytest.raises(InvalidParametersError, match=reason):
        store.import_(archive)
    assert store.list() == [made]


def test_a_changed_member_is_noticed(store: ProfileStore, archive: Path) -> None:
    rewrite(archive, change_profile(profile_name="Eve"), fix_manifest=False)
    with pytest.raises(InvalidParametersError, match=r"profile\.json: the checksum"):
        store.import_(archive)


def test_a_bomb_is_not_unpacked(store: ProfileStore, archive: Path) -> None:
    rewrite(archive, put("reference.flac", bytes(200 << 20)))
    assert archive.stat().st_size < 2 << 20
    with pytest.raises(FileTooLargeError, match=r"reference\.flac is larger than 128 MiB"):
        store.import_(archive)


def test_a_large_embedding_is_not_read(store: ProfileStore, archive: Path) -> None:
    rewrite(archive, put("embedding.npy", bytes(2 << 20)))
    with pytest.raises(FileTooLargeError, match="larger than 1 MiB"):
        store.import_(archive)


def test_the_members_together_have_a_limit(store: ProfileStore, archive: Path) -> None:
    with pytest.raises(FileTooLargeError, match="larger than 0 MiB"):
        store.import_(archive, limits=ArchiveLimits(max_bytes=1000))
    with pytest.raises(FileTooLargeError, match="limit is 2 s"):
        store.import_(archive, limits=ArchiveLimits(max_seconds=2.0))


def patch_directory(path: Path, name: bytes, **fields: int) -> None:
    """Write sizes and places into the directory's entry of a member, whatever its data say."""
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    while data[entry + 46 : entry + 46 + len(name)] != name:
        entry = data.index(b"PK\1\2", entry + 4)
    places = {"crc": 16, "packed": 20, "unpacked": 24, "offset": 42}
    for field, value in fields.items():
        struct.pack_into("<I", data, entry + places[field], value)
    path.write_bytes(data)


@pytest.mark.parametrize("declared", [0, 10, (1 << 32) - 2])
def test_a_bomb_that_lies_about_its_size(store: ProfileStore, archive: Path, declared: int) -> None:
    """What a member unpacks to is counted while it unpacks; what it declares only makes it be refused sooner."""
    rewrite(archive, put("reference.flac", bytes(200 << 20)))
    patch_directory(archive, b"reference.flac", unpacked=declared)
    with pytest.raises((FileTooLargeError, InvalidParametersError)):
        store.import_(archive)


def test_members_that_share_their_bytes(store: ProfileStore, archive: Path) -> None:
    """The same packed bytes under many names: a bomb without recursion."""
    rewrite(archive, lambda members: members.update({f"voice_state_x{n}.safetensors": bytes(1000) for n in range(9)}))
    with zipfile.ZipFile(archive) as source:
        first = source.getinfo("voice_state_x0.safetensors")
    for n in range(1, 9):
        patch_directory(archive, f"voice_state_x{n}.safetensors".encode(), offset=first.header_offset)
    with pytest.raises(InvalidParametersError):
        store.import_(archive)


def test_a_directory_of_many_members_is_not_read(store: ProfileStore, tmp_path: Path) -> None:
    """A directory entry of 50 bytes would cost a thousand in memory: the end record is asked first."""
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as target:
        for number in range(70_000):
            target.writestr(f"{number:05d}", b"")
    with pytest.raises(InvalidParametersError, match="too many members"):
        store.import_(path)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_what_our_export_packs_is_unpacked(store: ProfileStore, archive: Path, packing: int) -> None:
    """Other packings unpack to a thousand times more, and fail in ways of their own."""
    with zipfile.ZipFile(archive) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(archive, "w", packing) as target:
        for name, content in members.items():
            target.writestr(name, content)
    with pytest.raises(InvalidParametersError, match="is packed as none of ours"):
        store.import_(archive)


@pytest.mark.parametrize(("place", "value"), [(12, 1000), (16, 1 << 31), (16, 0), (12, 0)])
def test_places_outside_the_file(store: ProfileStore, archive: Path, place: int, value: int) -> None:
    """The end record leads to where there is no directory, or to before the file's beginning."""
    data = bytearray(archive.read_bytes())
    struct.pack_into("<I", data, len(data) - 22 + place, value)
    archive.write_bytes(data)
    with pytest.raises(InvalidParametersError):
        store.import_(archive)


@pytest.mark.parametrize("header", ["{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}", "(" * 9000])
def test_an_embedding_that_promises_what_it_has_not(store: ProfileStore, archive: Path, header: str) -> None:
    text = header.encode().ljust(9025) + b"\n"
    rewrite(archive, put("embedding.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text))
    with pytest.raises(InvalidParametersError, match="embedding"):
        store.import_(archive)


def test_mutated_archives_are_refused_or_whole(store: ProfileStore, made: VoiceProfile, archive: Path) -> None:
    """Whatever byte is wrong, there is a voice that is sound, or an error that says why not."""
    good, random = archive.read_bytes(), np.random.default_rng(4)
    for _ in range(300):
        data = bytearray(good)
        for place in random.integers(0, len(data), random.integers(1, 5)):
            data[place] = random.integers(0, 256)
        archive.write_bytes(data[: random.integers(1, len(data) + 1)] if random.random() < 0.2 else data)
        try:
            copy = store.import_(archive)
        except (InvalidParametersError, FileTooLargeError) as error:
            assert error.suggestions
        else:
            assert store.get(copy.profile_id).profile_name == made.profile_name


def test_a_link_is_not_followed(store: ProfileStore, archive: Path) -> None:
    link = zipfile.ZipInfo("voice_state_x.safetensors")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(InvalidParametersError, match="does not belong"):
        store.import_(archive)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_archive_is_refused(store: ProfileStore, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(InvalidParametersError, match="not a readable ZIP"):
        store.import_(path)


def test_a_truncated_archive_is_refused(store: ProfileStore, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(InvalidParametersError):
        store.import_(archive)


def test_missing_files_and_folders_are_named(store: ProfileStore, made: VoiceProfile, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        store.import_(tmp_path / "nowhere.zip")
    with pytest.raises(StorageError, match="no-folder"):
        store.export(made.profile_id, tmp_path / "no-folder" / "x.zip")
