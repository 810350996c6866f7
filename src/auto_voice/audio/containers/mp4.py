"""MP4 and M4A boxes (ISO/IEC 14496-12): is there a track of sound, and is the file whole?"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from auto_voice.audio.containers import Claim

# A recorder writes two boxes a fragment; inside `moov` there are only a few.
_MAX_BOXES = 100_000
_MAX_INNER_BOXES = 64


def mp4_claim(file: BinaryIO) -> Claim:
    """Whether a `moov` with a sound handler is there, and whether a box reaches past the end of the file."""
    size = file.seek(0, os.SEEK_END)
    has_audio = cut = False
    for name, start, end in _boxes(file, 0, size):
        cut = cut or end > size
        if name == b"moov":
            has_audio = _has_sound_track(file, start, min(end, size), (b"trak", b"mdia"))
    return Claim(cut=cut, has_audio=has_audio)


def _has_sound_track(file: BinaryIO, start: int, end: int, path: tuple[bytes, ...]) -> bool:
    """Whether the boxes of `path` lead to a `hdlr` whose handler type is "soun"."""
    for name, inner, inner_end in _boxes(file, start, end, _MAX_INNER_BOXES):
        if path and name == path[0]:
            if _has_sound_track(file, inner, min(inner_end, end), path[1:]):
                return True
        elif not path and name == b"hdlr":
            file.seek(inner + 8)
            return file.read(4) == b"soun"
    return False


def _boxes(file: BinaryIO, start: int, end: int, limit: int = _MAX_BOXES) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the content and end of each box between two positions; the end may lie past the file."""
    position = start
    for _ in range(limit):
        if position + 8 > end:
            return
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return
        size, header = struct.unpack(">I", head[:4])[0], 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack(">Q", head[8:])[0], 16
        elif size == 0:
            size = end - position
        if size < header:
            return
        yield head[4:8], position + header, position + size
        position += size
