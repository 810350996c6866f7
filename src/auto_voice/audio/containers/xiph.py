"""FLAC and Ogg: the stated length of the one, the last page of the other."""

from __future__ import annotations

import os
from typing import BinaryIO

from auto_voice.audio.containers import Claim

# An Ogg page has at most a 27-byte header, 255 sizes, and 255 segments of 255 bytes (RFC 3533).
_MAX_PAGE_BYTES = 27 + 255 + 255 * 255


def flac_claim(file: BinaryIO) -> Claim:
    """Length by STREAMINFO (RFC 9639, section 8.2); zero samples there means "not known"."""
    file.seek(8 + 10)
    packed = int.from_bytes(file.read(8), "big")
    rate, samples = packed >> 44, packed & ((1 << 36) - 1)
    return Claim(seconds=samples / rate if rate and samples else None)


def ogg_claim(file: BinaryIO) -> Claim:
    """Cut when the last page is not whole; a recorder that was stopped leaves whole pages, and is read."""
    size = file.seek(0, os.SEEK_END)
    tail_start = max(0, size - _MAX_PAGE_BYTES)
    file.seek(tail_start)
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0:
        return Claim(cut=True)
    header = tail[page : page + 27]
    if len(header) < 27:
        return Claim(cut=True)
    sizes = tail[page + 27 : page + 27 + header[26]]
    page_end = page + 27 + header[26] + sum(sizes)
    return Claim(cut=len(sizes) < header[26] or page_end > len(tail))
