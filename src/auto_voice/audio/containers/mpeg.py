"""MPEG audio layer III: the first frame, and what its Xing or Info header promises.

Header layout: ISO/IEC 11172-3 section 2.4.1 and its extension to lower rates, 13818-3.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from auto_voice.audio.containers import Claim

_BITRATES_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
# Padding and leftovers between the tag and the sound are searched this far.
_SEARCH_BYTES = 1 << 17
# Taggers move the end of a file by a little without touching the size that the encoder wrote.
_SIZE_TOLERANCE, _SIZE_SLACK = 0.005, 4096


@dataclass(frozen=True)
class _Frame:
    """One frame header: bytes and samples of the frame, rate, channels, and where Xing would stand."""

    size: int
    samples: int
    sample_rate: int
    channels: int
    xing_offset: int


@dataclass(frozen=True)
class Mp3Header:
    """The stream as its first frame and its Xing header describe it."""

    sample_rate: int
    channels: int
    claim: Claim


def read_mp3_header(file: BinaryIO) -> Mp3Header | None:
    """The header of the first frame that another one follows; None when the file is no MP3."""
    size = file.seek(0, os.SEEK_END)
    start = _after_tags(file)
    file.seek(start)
    window = file.read(_SEARCH_BYTES)
    offset = window.find(0xFF)
    while 0 <= offset < len(window) - 4:
        frame = _parse(window[offset : offset + 4])
        if frame:
            # One frame may look right by chance; a second one at the right distance, or the file's end, does
            # not.
            following = offset + frame.size
            follower = _parse(window[following : following + 4])
            if start + following == size or (follower and follower.sample_rate == frame.sample_rate):
                claim = _xing_claim(frame, window[offset:following], size - start - offset)
                return Mp3Header(frame.sample_rate, frame.channels, claim)
        offset = window.find(0xFF, offset + 1)
    return None


def _after_tags(file: BinaryIO) -> int:
    """Where the sound begins: behind any number of ID3v2 tags."""
    position = 0
    for _ in range(16):
        file.seek(position)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            break
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        position += 10 + size + (10 if head[5] & 0x10 else 0)
    return position


def _parse(head: bytes) -> _Frame | None:
    """A layer III frame header of 4 bytes, or None."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = (head[1] >> 3) & 3, (head[1] >> 1) & 3
    bitrate_index, rate_index = head[2] >> 4, (head[2] >> 2) & 3
    if version == 1 or layer != 1 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    mpeg1 = version == 3
    rate = _RATES[version][rate_index]
    bitrate = (_BITRATES_MPEG1 if mpeg1 else _BITRATES_MPEG2)[bitrate_index] * 1000
    mono = head[3] >> 6 == 3
    size = (144 if mpeg1 else 72) * bitrate // rate + ((head[2] >> 1) & 1)
    side_information = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    return _Frame(size, 1152 if mpeg1 else 576, rate, 1 if mono else 2, 4 + side_information)


def _xing_claim(frame: _Frame, data: bytes, available_bytes: int) -> Claim:
    """Length and size by a Xing or Info header; nothing is claimed without one."""
    tag = data[frame.xing_offset :]
    if tag[:4] not in (b"Xing", b"Info") or len(tag) < 16:
        return Claim()
    has_frames, has_bytes, has_seek_table, has_quality = (tag[7] >> bit & 1 for bit in range(4))
    first, second = struct.unpack_from(">II", tag, 8)
    stated_bytes = (second if has_frames else first) if has_bytes else 0
    encoder = tag[8 + 4 * has_frames + 4 * has_bytes + 100 * has_seek_table + 4 * has_quality :]
    samples = first * frame.samples - _encoder_padding(encoder)
    return Claim(
        seconds=max(0, samples) / frame.sample_rate if has_frames else None,
        cut=stated_bytes > available_bytes * (1 + _SIZE_TOLERANCE) + _SIZE_SLACK,
    )


def _encoder_padding(encoder: bytes) -> int:
    """Samples that the encoder put before and behind the sound; decoders take them off again."""
    if encoder[:4] not in (b"LAME", b"Lavf", b"Lavc") or len(encoder) < 24:
        return 0
    packed = int.from_bytes(encoder[21:24], "big")
    return (packed >> 12) + (packed & 0xFFF)
