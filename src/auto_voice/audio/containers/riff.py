"""WAV, RF64, Wave64 and AIFF: chunks of a stated size."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from auto_voice.audio.containers import Claim

_MAX_CHUNKS = 4096
# What programs that write to a pipe put where the size is not known yet.
_UNKNOWN_SIZE = 0x7FFF_F000


def wav_claim(file: BinaryIO) -> Claim:
    """Length by the `data` chunk and the average byte rate of `fmt ` (RIFF, and RF64 with its `ds64`)."""
    byte_rate, data_size, large_size = 0, None, None
    for name, size, body in _chunks(file, "<"):
        if name == b"ds64" and len(body) >= 16:
            large_size = struct.unpack_from("<Q", body, 8)[0]
        elif name == b"fmt " and len(body) >= 12:
            byte_rate = struct.unpack_from("<I", body, 8)[0]
        elif name == b"data":
            data_size = large_size if large_size is not None and size == 0xFFFF_FFFF else size
            break
    if data_size is None or not byte_rate or (large_size is None and data_size >= _UNKNOWN_SIZE):
        return Claim()
    return Claim(seconds=data_size / byte_rate)


def aiff_claim(file: BinaryIO) -> Claim:
    """Length by the `COMM` chunk: frames, and the rate as an 80-bit float."""
    for name, _, body in _chunks(file, ">"):
        if name == b"COMM" and len(body) >= 18:
            frames, exponent, mantissa = struct.unpack_from(">2xI2xHQ", body)
            rate = mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63)
            return Claim(seconds=frames / rate if rate >= 1 else None)
    return Claim()


def wave64_claim(file: BinaryIO) -> Claim:
    """Length by the 64-bit sizes of Wave64, which count the 24 bytes of their own header."""
    end = file.seek(0, os.SEEK_END)
    position, byte_rate = 40, 0
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(24 + 12)
        if len(head) < 36:
            break
        size = struct.unpack_from("<Q", head, 16)[0]
        if head[:4] == b"fmt ":
            byte_rate = struct.unpack_from("<I", head, 32)[0]
        elif head[:4] == b"data":
            return Claim(seconds=(size - 24) / byte_rate if byte_rate else None)
        if not 24 <= size <= end:
            break
        position += (size + 7) & ~7
    return Claim()


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int, bytes]]:
    """Name, stated size and first 40 bytes of each chunk after the 12 bytes of the file's own header."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        size = struct.unpack(order + "I", head[4:])[0]
        yield head[:4], size, file.read(min(size, 40))
        position += 8 + size + size % 2
