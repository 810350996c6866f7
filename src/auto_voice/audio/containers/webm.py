"""WebM (EBML, RFC 8794 and RFC 9559): the document type, and whether there is a track of sound."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from auto_voice.audio.containers import Claim

# What stands before the first cluster, at any level, is a handful of elements.
_MAX_ELEMENTS = 64
_EBML, _DOC_TYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _TRACKS, _TRACK_ENTRY, _TRACK_TYPE, _CLUSTER = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0x1F43B675
_AUDIO_TRACK = 2


def is_webm(file: BinaryIO) -> bool:
    """Whether the EBML header names the document type "webm"."""
    for name, start, end in _elements(file, 0, 4096):
        if name == _EBML:
            for inner, inner_start, inner_end in _elements(file, start, min(end, 4096)):
                if inner == _DOC_TYPE:
                    file.seek(inner_start)
                    return file.read(min(inner_end - inner_start, 16)).rstrip(b"\0") == b"webm"
        break
    return False


def webm_claim(file: BinaryIO) -> Claim:
    """Whether a sound track is announced before the first cluster, and whether the file is whole."""
    size = file.seek(0, os.SEEK_END)
    for name, start, end in _elements(file, 0, size):
        if name == _SEGMENT:
            return Claim(
                cut=end > size,
                has_audio=_has_sound_track(file, start, min(end, size), (_TRACKS, _TRACK_ENTRY)),
            )
    return Claim(has_audio=False)


def _has_sound_track(file: BinaryIO, start: int, end: int, path: tuple[int, ...]) -> bool:
    """Whether the elements of `path` lead to a track type of sound, before the first cluster."""
    for name, inner, inner_end in _elements(file, start, end):
        if name == _CLUSTER:
            return False
        if path and name == path[0]:
            if _has_sound_track(file, inner, min(inner_end, end), path[1:]):
                return True
        elif not path and name == _TRACK_TYPE:
            file.seek(inner)
            return file.read(1) == bytes([_AUDIO_TRACK])
    return False


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Id, start of content and end of each element; one of unknown size ends where its parent does."""
    position = start
    for _ in range(_MAX_ELEMENTS):
        if position >= end:
            return
        file.seek(position)
        head = file.read(12)
        name, name_length = _variable_integer(head, keep_marker=True)
        size, size_length = _variable_integer(head[name_length:], keep_marker=False)
        if not name_length or not size_length:
            return
        content = position + name_length + size_length
        unknown = size == (1 << (7 * size_length)) - 1
        position = end if unknown else content + size
        yield name, content, position


def _variable_integer(data: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """EBML's integer: 1 to 8 bytes, as the leading zero bits say. Returns (value, length or 0)."""
    if not data or data[0] == 0:
        return 0, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return 0, 0
    value = int.from_bytes(data[:length], "big")
    return (value if keep_marker else value & ((1 << (7 * length)) - 1)), length
