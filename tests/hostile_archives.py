"""Archives that no voice may be imported from, each made of a good one; `BAD` says how each has to be refused."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from hashlib import sha256

Maker = Callable[[bytes], bytes]
INVALID, TOO_LARGE = (400, "invalid_parameters"), (413, "file_too_large")


def members_of(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        return {name: source.read(name) for name in source.namelist()}


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


def with_members(**more: bytes) -> Maker:
    """Other members, listed in the manifest as if they belonged there; `__` in a name stands for a dot."""

    def make(archive: bytes) -> bytes:
        members = members_of(archive) | {name.replace("__", "."): content for name, content in more.items()}
        return zipped(_listed(members))

    return make


def with_member(name: str, content: bytes | None = None) -> Maker:
    """One more member, of any name; the whole archive again where no content is given."""
    return lambda archive: zipped(_listed(members_of(archive) | {name: archive if content is None else content}))


def _listed(members: dict[str, bytes]) -> dict[str, bytes]:
    manifest = json.loads(members["manifest.json"])
    manifest["files"] = {
        name: {"sha256": sha256(content).hexdigest()} for name, content in members.items() if name != "manifest.json"
    }
    return members | {"manifest.json": json.dumps(manifest).encode()}


def lying(archive: bytes) -> bytes:
    """A bomb whose directory says that it is ten bytes."""
    data = bytearray(with_members(reference__flac=bytes(200 << 20))(archive))
    entry = data.index(b"PK\1\2")
    while data[entry + 46 : entry + 60] != b"reference.flac":
        entry = data.index(b"PK\1\2", entry + 4)
    struct.pack_into("<I", data, entry + 24, 10)
    return bytes(data)


def overlapping(archive: bytes) -> bytes:
    """Many members that are the same packed bytes."""
    names = [f"voice_state_x{number}.safetensors" for number in range(20)]
    data = bytearray(zipped(_listed(members_of(archive) | dict.fromkeys(names, bytes(12 << 20)))))
    places: dict[bytes, int] = {}
    entry = data.index(b"PK\1\2")
    while entry >= 0:
        length = struct.unpack_from("<H", data, entry + 28)[0]
        places[bytes(data[entry + 46 : entry + 46 + length])] = entry
        entry = data.find(b"PK\1\2", entry + 46 + length)
    first = struct.unpack_from("<I", data, places[names[0].encode()] + 42)
    for name in names[1:]:
        struct.pack_into("<I", data, places[name.encode()] + 42, *first)
    return bytes(data)


def crowd(archive: bytes) -> bytes:
    """A hundred thousand empty members."""
    return zipped({f"{number:06d}": b"" for number in range(100_000)})


def link(archive: bytes) -> bytes:
    """A member that is a symbolic link."""
    buffer = io.BytesIO(archive)
    entry = zipfile.ZipInfo("voice_state_x.safetensors")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(buffer, "a") as target:
        target.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


BAD: dict[str, tuple[Maker, tuple[int, str]]] = {
    "empty": (lambda archive: b"", INVALID),
    "text": (lambda archive: b"no archive\n" * 1000, INVALID),
    "cut": (lambda archive: archive[: len(archive) // 2], INVALID),
    "without its end": (lambda archive: archive[:-22], INVALID),
    "an end and nothing else": (lambda archive: archive[-22:], INVALID),
    "a bomb": (with_members(reference__flac=bytes(200 << 20)), TOO_LARGE),
    "a bomb that says it is small": (lying, INVALID),
    "a bomb in parts": (
        lambda archive: with_members(**{f"voice_state_x{n}__safetensors": bytes(60 << 20) for n in range(5)})(archive),
        TOO_LARGE,
    ),
    "an archive in the archive": (with_member("inner.zip"), INVALID),
    "an archive for a recording": (with_member("reference.flac"), INVALID),
    "members over one another": (overlapping, INVALID),
    "a hundred thousand members": (crowd, INVALID),
    "a way out": (with_member("../../../../tmp/evil.json", b"{}"), INVALID),
    "a root": (with_member("/etc/passwd", b"root"), INVALID),
    "a backslash": (with_member("..\\..\\evil.json", b"{}"), INVALID),
    "a link": (link, INVALID),
    "an object to unpickle": (
        with_members(
            embedding__npy=b"\x93NUMPY\x01\x00\x46\x00"
            + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}".ljust(69)
            + b"\n"
        ),
        INVALID,
    ),
    "a deep manifest": (lambda archive: zipped(members_of(archive) | {"manifest.json": b"[" * 100_000}), INVALID),
    "a deep profile": (with_members(profile__json=b'{"a":' * 100_000), INVALID),
    "a changed member": (
        lambda archive: zipped(members_of(archive) | {"embedding.npy": b"x"}),
        INVALID,
    ),
}
