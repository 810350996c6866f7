"""Makes the files that a service meets: good ones of every kind, and every bad one that must be refused.

Each maker takes the folder to write in and returns the file. `GOOD` and `BAD` list them by name; an entry of
`BAD` says which error code the file has to end in when it is decoded with the default limits.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from auto_voice.audio.sandbox import find_ffmpeg

Maker = Callable[[Path], Path]
RATE = 44100


def tone(seconds: float = 1.0, rate: int = RATE, channels: int = 2) -> np.ndarray:
    """float32 (frames, channels): a different sine in every channel, at half of full scale."""
    time = np.arange(round(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * 220 * (n + 1) * time) for n in range(channels)], 1).astype("f4")


# Good files


@dataclass(frozen=True)
class Good:
    """A file that has to be read: one second of `tone`, unless it says otherwise."""

    make: Maker
    format: str
    rate: int = RATE
    channels: int = 2
    # Highest error of a sample, at full scale 1; None where the codec changes the wave.
    tolerance: float | None = None


def with_libsndfile(name: str, major: str, subtype: str, rate: int = RATE, channels: int = 2) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / name
        soundfile.write(path, tone(1.0, rate, channels), rate, format=major, subtype=subtype)
        return path

    return make


def with_ffmpeg(name: str, *arguments: str, rate: int = RATE) -> Maker:
    """Encode the tone with ffmpeg. Arguments may replace the sound and add a picture."""

    def make(folder: Path) -> Path:
        source, path = folder / "source.wav", folder / name
        soundfile.write(source, tone(1.0, rate), rate)
        command = [
            find_ffmpeg(),
            "-nostdin",
            "-loglevel",
            "error",
            "-y",
            "-i",
            str(source),
            *arguments,
            str(path),
        ]
        subprocess.run(command, check=True)
        source.unlink()
        return path

    return make


def mp3_with_cover(folder: Path) -> Path:
    """An MP3 behind an ID3 tag of 200 kB, as a cover picture makes it."""
    path = with_libsndfile("cover.mp3", "MP3", "MPEG_LAYER_III")(folder)
    size = 200_000
    sync_safe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x04\0\0" + sync_safe + bytes(size) + path.read_bytes())
    return path


def wav_from_a_pipe(folder: Path) -> Path:
    """A WAV whose sizes are the "not known" mark that programs leave when they write to a pipe."""
    data = bytearray(with_libsndfile("pipe.wav", "WAV", "PCM_16")(folder).read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (folder / "pipe.wav").write_bytes(data)
    return folder / "pipe.wav"


def flac_from_a_pipe(folder: Path) -> Path:
    """A FLAC whose header says that its length is not known."""
    path = with_libsndfile("pipe.flac", "FLAC", "PCM_16")(folder)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    return path


_PICTURE = ("-f", "lavfi", "-i", "testsrc=size=32x32:rate=5:duration=1")

GOOD: dict[str, Good] = {
    "wav 8 bit": Good(with_libsndfile("a.wav", "WAV", "PCM_U8"), "wav", tolerance=2**-7),
    "wav 16 bit": Good(with_libsndfile("a.wav", "WAV", "PCM_16"), "wav", tolerance=2**-14),
    "wav 24 bit": Good(with_libsndfile("a.wav", "WAV", "PCM_24"), "wav", tolerance=2**-22),
    "wav 32 bit": Good(with_libsndfile("a.wav", "WAV", "PCM_32"), "wav", tolerance=2**-22),
    "wav float": Good(with_libsndfile("a.wav", "WAV", "FLOAT"), "wav", tolerance=0.0),
    "wav double": Good(with_libsndfile("a.wav", "WAV", "DOUBLE"), "wav", tolerance=0.0),
    "wav extensible": Good(with_libsndfile("a.wav", "WAVEX", "PCM_24"), "wav", tolerance=2**-22),
    "wav a-law": Good(with_libsndfile("a.wav", "WAV", "ALAW"), "wav", tolerance=0.02),
    "wav mu-law": Good(with_libsndfile("a.wav", "WAV", "ULAW"), "wav", tolerance=0.02),
    "wav from a pipe": Good(wav_from_a_pipe, "wav", tolerance=2**-14),
    "rf64": Good(with_libsndfile("a.rf64", "RF64", "PCM_16"), "wav", tolerance=2**-14),
    "wave64": Good(with_libsndfile("a.w64", "W64", "PCM_16"), "wav", tolerance=2**-14),
    "aiff": Good(with_libsndfile("a.aiff", "AIFF", "PCM_16"), "aiff", tolerance=2**-14),
    "flac 16 bit": Good(with_libsndfile("a.flac", "FLAC", "PCM_16"), "flac", tolerance=2**-14),
    "flac 24 bit": Good(with_libsndfile("a.flac", "FLAC", "PCM_24"), "flac", tolerance=2**-22),
    "flac from a pipe": Good(flac_from_a_pipe, "flac", tolerance=2**-14),
    "ogg vorbis": Good(with_libsndfile("a.ogg", "OGG", "VORBIS"), "ogg", tolerance=0.05),
    "opus": Good(with_libsndfile("a.opus", "OGG", "OPUS", 48000), "opus", 48000, tolerance=0.05),
    "mp3": Good(with_libsndfile("a.mp3", "MP3", "MPEG_LAYER_III"), "mp3", tolerance=0.05),
    "mp3 with a cover": Good(mp3_with_cover, "mp3", tolerance=0.05),
    "mp3 without Xing header": Good(with_ffmpeg("a.mp3", "-write_xing", "0", "-id3v2_version", "0"), "mp3"),
    "m4a": Good(with_ffmpeg("a.m4a"), "m4a", tolerance=0.1),
    "m4a, index in front": Good(with_ffmpeg("a.m4a", "-movflags", "faststart"), "m4a", tolerance=0.1),
    "m4a in fragments": Good(
        with_ffmpeg("a.mp4", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "200000"), "m4a"
    ),
    "mp4 with pictures and sound": Good(with_ffmpeg("a.mp4", *_PICTURE, "-c:v", "mpeg4"), "m4a", tolerance=0.1),
    "webm opus": Good(with_ffmpeg("a.webm", "-c:a", "libopus", rate=48000), "webm", 48000, tolerance=0.1),
    "webm vorbis": Good(with_ffmpeg("a.webm", "-c:a", "libvorbis"), "webm"),
    "webm of a live recorder": Good(
        with_ffmpeg("a.webm", "-c:a", "libopus", "-live", "1", rate=48000), "webm", 48000, tolerance=0.1
    ),
    "8 kHz mono": Good(with_libsndfile("a.wav", "WAV", "PCM_16", 8000, 1), "wav", 8000, 1, 2**-14),
    "192 kHz": Good(with_libsndfile("a.flac", "FLAC", "PCM_24", 192_000), "flac", 192_000, tolerance=2**-22),
    "5.1": Good(with_libsndfile("a.wav", "WAVEX", "PCM_16", 48000, 6), "wav", 48000, 6, 2**-14),
    "non-ASCII name": Good(
        with_libsndfile("Ünï cödé \u202e音 'quote\" $(x).wav", "WAV", "PCM_16"), "wav", tolerance=2**-14
    ),
    "a FLAC that is called .mp3": Good(with_libsndfile("a.mp3", "FLAC", "PCM_16"), "flac", tolerance=2**-14),
}


# Bad files


def empty(folder: Path) -> Path:
    return content(folder, "empty.wav", b"")


def content(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def cut(maker: Maker, share: float = 0.6) -> Maker:
    """Only the first part of a good file's bytes."""

    def make(folder: Path) -> Path:
        path = maker(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def with_hole(maker: Maker) -> Maker:
    """Zeros instead of the middle fifth of a good file."""

    def make(folder: Path) -> Path:
        path = maker(folder)
        data = bytearray(path.read_bytes())
        start, stop = len(data) * 2 // 5, len(data) * 3 // 5
        data[start:stop] = bytes(stop - start)
        path.write_bytes(data)
        return path

    return make


def lying_wav(folder: Path) -> Path:
    """A WAV of one second whose header promises an hour."""
    path = with_libsndfile("lie.wav", "WAV", "PCM_16")(folder)
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 3600 * RATE * 4)
    path.write_bytes(data)
    return path


def wav_with(value: float) -> Maker:
    """A float WAV with one sample that is no number."""

    def make(folder: Path) -> Path:
        samples = tone()
        samples[12345, 1] = value
        soundfile.write(folder / "nan.wav", samples, RATE, subtype="FLOAT")
        return folder / "nan.wav"

    return make


def silent_flac(seconds: float, stated_seconds: float | None, rate: int = RATE, channels: int = 2) -> Maker:
    """A FLAC of digital silence in the largest frames (RFC 9639): a day of stereo in about a megabyte.

    `stated_seconds` is what its header says; None says "not known".
    """

    def make(folder: Path) -> Path:
        block = 65535
        frames = max(1, round(seconds * rate / block))
        total = 0 if stated_seconds is None else round(stated_seconds * rate)
        layout = (rate << 44) | ((channels - 1) << 41) | (15 << 36) | total
        info = struct.pack(">HH6xQ16x", block, block, layout)
        subframes = b"\0\0\0" * channels  # constant, 16-bit zero
        body = bytearray(b"fLaC\x80\0\0\x22" + info)
        for number in range(frames):
            head = b"\xff\xf8\x70" + bytes([(channels - 1) << 4 | 8]) + _utf8(number) + struct.pack(">H", block - 1)
            frame = head + bytes([_crc(head, 8, 0x07)]) + subframes
            body += frame + struct.pack(">H", _crc(frame, 16, 0x8005))
        return content(folder, "bomb.flac", bytes(body))

    return make


def _utf8(number: int) -> bytes:
    """The frame number as FLAC codes it; the day-long file stays within Unicode, but not out of its gap."""
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    table, top, mask = _crc_table(bits, polynomial), bits - 8, (1 << bits) - 1
    value = 0
    for byte in data:
        value = (value << 8 & mask) ^ table[(value >> top) ^ byte]
    return value


_TABLES: dict[int, list[int]] = {}


def _crc_table(bits: int, polynomial: int) -> list[int]:
    if bits not in _TABLES:
        table = []
        for byte in range(256):
            value = byte << (bits - 8)
            for _ in range(8):
                value = (value << 1) ^ (polynomial if value >> (bits - 1) else 0)
                value &= (1 << bits) - 1
            table.append(value)
        _TABLES[bits] = table
    return _TABLES[bits]


def playlist(folder: Path) -> Path:
    """An HLS playlist that points at a file that exists."""
    secret = content(folder, "secret.ts", b"secret" * 1000)
    return content(folder, "song.mp3", f"#EXTM3U\n#EXTINF:10,\n{secret}\n#EXT-X-ENDLIST\n".encode())


def m4a_pointing_elsewhere(folder: Path) -> Path:
    """An M4A that says its sound lies in another file: an alias in `dref`, and no samples of its own."""
    path = with_ffmpeg("elsewhere.m4a", "-movflags", "faststart")(folder)
    data = bytearray(path.read_bytes())
    reference = data.index(b"url \0\0\0\1")
    data[reference : reference + 8] = b"alis\0\0\0\0"
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    return path


def quiet(folder: Path) -> Path:
    """Two seconds of digital silence: good audio; it is for the stages to say that nobody sings."""
    soundfile.write(folder / "silence.wav", np.zeros((2 * RATE, 2), "f4"), RATE)
    return folder / "silence.wav"


def noise(folder: Path) -> Path:
    """Forty seconds of white noise: good audio without a voice."""
    samples = np.random.default_rng(0).normal(0, 0.1, 40 * 16000).astype("f4")
    soundfile.write(folder / "noise.wav", samples, 16000)
    return folder / "noise.wav"


def clipped(folder: Path) -> Path:
    """Two seconds driven so far over full scale that little but corners is left."""
    soundfile.write(folder / "clipped.wav", np.clip(50 * tone(2.0), -1, 1), RATE)
    return folder / "clipped.wav"


def short(folder: Path) -> Path:
    """0.2 s: good audio that is too short to work with."""
    soundfile.write(folder / "short.wav", tone(0.2), RATE)
    return folder / "short.wav"


def eleven_minutes(folder: Path) -> Path:
    soundfile.write(folder / "long.flac", np.zeros(660 * 8000, "f4"), 8000)
    return folder / "long.flac"


@dataclass(frozen=True)
class Bad:
    """A file that has to be refused with this error code."""

    make: Maker
    code: str = "invalid_audio"


def _strange(name: str, data: bytes) -> Bad:
    return Bad(lambda folder: content(folder, name, data))


BAD: dict[str, Bad] = {
    "empty": Bad(empty),
    "one byte": _strange("a.wav", b"R"),
    "text called .mp3": _strange("song.mp3", b"la la la, no sound at all\n" * 1000),
    "random bytes": _strange("a.mp3", np.random.default_rng(1).bytes(200_000)),
    "zeros": _strange("a.wav", bytes(100_000)),
    "an image": _strange("a.flac", b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    "an archive": _strange("a.ogg", b"PK\x03\x04" + bytes(1000)),
    "a playlist": Bad(playlist),
    "a concat script": _strange("a.mp3", b"ffconcat version 1.0\nfile secret.wav\n"),
    "an SVG": _strange("a.mp3", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"),
    "a header only": _strange("a.wav", b"RIFF\x24\0\0\0WAVE"),
    "AVI": _strange("a.wav", b"RIFF\xff\xff\0\0AVI LIST" + bytes(500)),
    "Ogg Theora": _strange("a.ogg", b"OggS\0\2" + bytes(20) + b"\1\x2a\x80theora" + bytes(100)),
    "cut mp3": Bad(cut(with_libsndfile("a.mp3", "MP3", "MPEG_LAYER_III"))),
    "cut flac": Bad(cut(with_libsndfile("a.flac", "FLAC", "PCM_16"))),
    "cut ogg": Bad(cut(with_libsndfile("a.ogg", "OGG", "VORBIS"))),
    "cut opus": Bad(cut(with_libsndfile("a.opus", "OGG", "OPUS", 48000))),
    "cut wav": Bad(cut(with_libsndfile("a.wav", "WAV", "PCM_16"))),
    "cut aiff": Bad(cut(with_libsndfile("a.aiff", "AIFF", "PCM_16"))),
    "cut wave64": Bad(cut(with_libsndfile("a.w64", "W64", "PCM_16"))),
    "cut m4a": Bad(cut(with_ffmpeg("a.m4a"))),
    "cut m4a, index in front": Bad(cut(with_ffmpeg("a.m4a", "-movflags", "faststart"))),
    "cut webm": Bad(cut(with_ffmpeg("a.webm", "-c:a", "libopus"))),
    "flac with a hole": Bad(with_hole(with_libsndfile("a.flac", "FLAC", "PCM_16"))),
    "a few bytes of mp3": Bad(cut(with_libsndfile("a.mp3", "MP3", "MPEG_LAYER_III"), 0.02)),
    "lying wav": Bad(lying_wav),
    "NaN": Bad(wav_with(np.nan)),
    "infinite": Bad(wav_with(np.inf)),
    "no frames": Bad(lambda folder: _no_frames(folder)),
    "rate too low": Bad(with_libsndfile("a.wav", "WAV", "PCM_16", 2000, 1)),
    "rate too high": Bad(with_libsndfile("a.wav", "WAV", "PCM_16", 384_000, 1)),
    "nine channels": Bad(with_libsndfile("a.wav", "WAV", "PCM_16", RATE, 9)),
    "pictures without sound, mp4": Bad(with_ffmpeg("a.mp4", *_PICTURE, "-map", "1:v", "-c:v", "mpeg4")),
    "pictures without sound, webm": Bad(with_ffmpeg("a.webm", *_PICTURE, "-map", "1:v", "-c:v", "libvpx")),
    "m4a that points elsewhere": Bad(m4a_pointing_elsewhere),
    "Matroska": Bad(with_ffmpeg("a.mka")),
    "eleven minutes": Bad(eleven_minutes, "file_too_large"),
    "a day in a megabyte": Bad(silent_flac(86400, 86400), "file_too_large"),
    "a day of unstated length": Bad(silent_flac(86400, None, 8000), "file_too_large"),
    "ten minutes of eight channels at 192 kHz": Bad(silent_flac(599, 599, 192_000, 8), "file_too_large"),
}


def _no_frames(folder: Path) -> Path:
    soundfile.write(folder / "none.wav", np.zeros((0, 2), "f4"), RATE)
    return folder / "none.wav"


def pipe(folder: Path) -> Path:
    """A named pipe that nobody writes to: opening it carelessly waits for ever."""
    os.mkfifo(folder / "pipe.wav")
    return folder / "pipe.wav"
