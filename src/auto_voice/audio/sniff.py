"""What a file is, by its content alone: names and declared types are never asked.

This is the door. A format that is not on the list is refused here, before any decoder sees a byte of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from auto_voice.audio.containers import Claim
from auto_voice.audio.containers.mp4 import mp4_claim
from auto_voice.audio.containers.mpeg import read_mp3_header
from auto_voice.audio.containers.riff import aiff_claim, wav_claim, wave64_claim
from auto_voice.audio.containers.webm import is_webm, webm_claim
from auto_voice.audio.containers.xiph import flac_claim, ogg_claim
from auto_voice.errors import InvalidAudioError

_HEAD_BYTES = 512
READABLE = "WAV, FLAC, MP3, Ogg Vorbis, Opus, M4A, WebM or AIFF"


@dataclass(frozen=True)
class Format:
    """One format we read.

    Attributes:
        name: the short name.
        mime: its media type.
        demuxer: the one ffmpeg demuxer that may open it.
        in_process: libsndfile reads it, in this process. MP3 is not among these: the library behind it writes
            its complaints about damaged files straight to the terminal.
        claim: reads what the header promises.
    """

    name: str
    mime: str
    demuxer: str
    in_process: bool
    claim: Callable[[BinaryIO], Claim]


def _mp3_claim(file: BinaryIO) -> Claim:
    header = read_mp3_header(file)
    return header.claim if header else Claim()


WAV = Format("wav", "audio/wav", "wav", True, wav_claim)
WAVE64 = Format("wav", "audio/wav", "w64", True, wave64_claim)
AIFF = Format("aiff", "audio/aiff", "aiff", True, aiff_claim)
FLAC = Format("flac", "audio/flac", "flac", True, flac_claim)
OGG = Format("ogg", "audio/ogg", "ogg", True, ogg_claim)
OPUS = Format("opus", "audio/ogg", "ogg", True, ogg_claim)
MP3 = Format("mp3", "audio/mpeg", "mp3", False, _mp3_claim)
M4A = Format("m4a", "audio/mp4", "mov", False, mp4_claim)
WEBM = Format("webm", "audio/webm", "matroska", False, webm_claim)

_OGG_CODECS = {b"\x01vorbis": OGG, b"\x7fFLAC": OGG, b"OpusHead": OPUS}
_WAVE64_GUID = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_STRANGERS = {
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"BM": "an image",
    b"II*\0": "an image",
    b"PK\x03\x04": "an archive",
    b"\x1f\x8b": "an archive",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
    b"BZh": "an archive",
    b"\xfd7zXZ": "an archive",
    b"%PDF": "a PDF document",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"MThd": "a MIDI file",
    b"#EXTM3U": "a playlist",
    b"ffconcat": "a playlist",
    b"[playlist]": "a playlist",
    b"#!AMR": "an AMR recording",
    b"\x30\x26\xb2\x75": "a Windows Media file",
    b"OggS": "an Ogg file without Vorbis, Opus or FLAC sound",
    b"\x1a\x45\xdf\xa3": "a Matroska file that is not WebM",
    b"RIFF": "a RIFF file that is not WAV",
}


def sniff(file: BinaryIO) -> Format:
    """The format of a seekable file.

    Raises:
        InvalidAudioError: empty, or nothing on the list; the message says what it looks like instead.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if not head:
        raise InvalidAudioError("The file is empty.", suggestions=["Check that the upload or copy was complete."])
    found = _by_magic(file, head)
    if found is None:
        raise InvalidAudioError(
            f"The file is not audio that can be read: it looks like {_stranger(head)}.",
            suggestions=[f"Send {READABLE}; the content counts, not the file's name."],
        )
    return found


def _by_magic(file: BinaryIO, head: bytes) -> Format | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return WAV
    if head[:16] == _WAVE64_GUID:
        return WAVE64
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return AIFF
    if head[:4] == b"fLaC":
        return FLAC
    if head[:4] == b"OggS" and len(head) > 27:
        packet = head[27 + head[26] :]
        return next((form for magic, form in _OGG_CODECS.items() if packet.startswith(magic)), None)
    if head[4:8] == b"ftyp":
        return M4A
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM if is_webm(file) else None
    if (head[:3] == b"ID3" or _stranger(head) == "unknown data") and read_mp3_header(file):
        return MP3
    return None


def _stranger(head: bytes) -> str:
    """What a file that is not on the list looks like."""
    for magic, name in _STRANGERS.items():
        if head.startswith(magic):
            return name
    text = head.decode("utf-8", errors="ignore")
    printable = len(text.encode()) >= len(head) - 3 and all(char.isprintable() or char.isspace() for char in text)
    return "text" if printable else "unknown data"
