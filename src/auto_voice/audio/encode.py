"""Samples to a file: WAV, FLAC, MP3, Ogg Vorbis and Opus by libsndfile, in blocks, whole or not at all."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from auto_voice.atomic_file import atomic_write
from auto_voice.audio.resample import resample
from auto_voice.audio.signal import Audio
from auto_voice.errors import InvalidParametersError, StorageError

BitDepth = Literal["16", "24", "float"]

_BLOCK_FRAMES = 1 << 16
_TAGS = ("title", "artist", "album", "comment", "date")
_SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (48000,)
# LAME by itself would take about 130, at which cymbals and sibilants begin to suffer.
_MP3_STEREO_KBPS = 192
# Nominal rates of Vorbis at quality 0.0, 0.1 … 1.0 for stereo at 44.1 kHz, kbit/s; libvorbis takes a quality.
_VORBIS_KBPS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)


@dataclass(frozen=True)
class _Container:
    """What one output format can hold; `depths` is empty where the codec has no bit depth."""

    name: str
    major: str
    subtype: str = ""
    depths: tuple[str, ...] = ()
    max_channels: int = 8
    rates: tuple[int, ...] = ()


_CONTAINERS = {
    container.name: container
    for container in (
        _Container("wav", "WAV", depths=("16", "24", "float")),
        _Container("flac", "FLAC", depths=("16", "24")),
        _Container("mp3", "MP3", "MPEG_LAYER_III", max_channels=2, rates=_MP3_RATES),
        _Container("ogg", "OGG", "VORBIS"),
        _Container("opus", "OGG", "OPUS", rates=_OPUS_RATES),
    )
}
FORMATS = tuple(_CONTAINERS)


def write(
    path: Path | str,
    audio: Audio,
    *,
    format: str | None = None,
    bit_depth: BitDepth | None = None,
    bitrate_kbps: int | None = None,
    dither: bool = False,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write a sound file; it is there whole, or the old one still is.

    Samples beyond full scale are clipped, except in a float WAV. MP3 takes the rates up to 48 kHz of its
    standard and Opus 48 kHz only: other rates are converted to the next higher of these, or else the highest.
    The last 6.5 ms of an Opus file are lost: libsndfile does not flush the encoder's look-ahead.

    Args:
        path: where to; its folder must exist.
        audio: what.
        format: "wav", "flac", "mp3", "ogg" or "opus"; by the suffix of `path` when None.
        bit_depth: of wav ("16", "24", "float") and flac ("16", "24"); "16" when None.
        bitrate_kbps: of mp3, ogg and opus; when None 192 for stereo mp3, else the encoder's own choice.
        dither: add triangular noise of one step before rounding to 16 bits.
        tags: title, artist, album, comment, date.

    Raises:
        InvalidParametersError: the format cannot hold this; the message lists what it can.
        StorageError: the disk is full, or the folder is not there or not ours to write in.
    """
    path = Path(path)
    container = _container(format or path.suffix.lstrip("."), audio, bit_depth)
    options = _encoder_options(container, audio, bitrate_kbps)
    with atomic_write(path) as file:
        _encode(file, audio, container, bit_depth or "16", options, dither, tags or {})


def encode(
    audio: Audio,
    format: str,
    *,
    bit_depth: BitDepth | None = None,
    bitrate_kbps: int | None = None,
    dither: bool = False,
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of a sound file; arguments and errors as in `write`."""
    container = _container(format, audio, bit_depth)
    options = _encoder_options(container, audio, bitrate_kbps)
    buffer = io.BytesIO()
    _encode(buffer, audio, container, bit_depth or "16", options, dither, tags or {})
    return buffer.getvalue()


def _container(name: str, audio: Audio, bit_depth: str | None) -> _Container:
    """The container that can hold the sound, or the reason why none can."""
    container = _CONTAINERS.get(name.lower())
    choices = ", ".join(FORMATS)
    if container is None:
        raise InvalidParametersError(f"Cannot write {name!r} files; choose one of {choices}.")
    if not audio.frames or not audio.channels:
        raise InvalidParametersError("There is no sound to write.")
    if audio.channels > container.max_channels:
        wide = ", ".join(other.name for other in _CONTAINERS.values() if other.max_channels >= audio.channels)
        raise InvalidParametersError(
            f"{container.name} holds at most {container.max_channels} channels, not {audio.channels}.",
            suggestions=[f"Write {wide}."] if wide else ["Mix the sound down to fewer channels."],
        )
    if bit_depth is not None and bit_depth not in container.depths:
        depths = f"holds {', '.join(container.depths)}" if container.depths else "has no bit depth"
        raise InvalidParametersError(f"Cannot write {container.name} with bit depth {bit_depth!r}: it {depths}.")
    return container


def _encoder_options(container: _Container, audio: Audio, kbps: int | None) -> dict[str, Any]:
    """A bit rate as soundfile's compression level: 0 is the highest rate or quality, 1 the lowest."""
    if kbps is None and container.name == "mp3" and audio.channels == 2 and audio.sample_rate >= 32000:
        kbps = _MP3_STEREO_KBPS
    if kbps is None:
        return {}
    if container.depths:
        raise InvalidParametersError(f"{container.name} has no bit rate to choose.")
    rate = _file_rate(container, audio.sample_rate)
    if container.name == "ogg":
        level = 1 - float(np.interp(kbps, _VORBIS_KBPS, np.linspace(0, 1, len(_VORBIS_KBPS))))
        lowest, highest = _VORBIS_KBPS[0], _VORBIS_KBPS[-1]
    else:
        if container.name == "opus":
            lowest, highest = 6 * audio.channels, 256 * audio.channels
        else:
            lowest, highest = (32, 320) if rate >= 32000 else (8, 160) if rate >= 16000 else (8, 64)
        level = (highest - kbps) / (highest - lowest)
    if not lowest <= kbps <= highest:
        raise InvalidParametersError(
            f"{container.name} at {rate} Hz, {audio.channels} channels, takes {lowest} to {highest} kbit/s, not {kbps}."
        )
    # libsndfile refuses exactly 1 for MP3.
    options: dict[str, Any] = {"compression_level": min(level, 0.999)}
    return options | {"bitrate_mode": "CONSTANT"} if container.name == "mp3" else options


def _file_rate(container: _Container, rate: int) -> int:
    return next((allowed for allowed in container.rates if allowed >= rate), (container.rates or (rate,))[-1])


def _encode(
    file: BinaryIO,
    audio: Audio,
    container: _Container,
    bit_depth: str,
    options: Mapping[str, Any],
    dither: bool,
    tags: Mapping[str, str],
) -> None:
    unknown = sorted(set(tags) - set(_TAGS))
    if unknown:
        raise InvalidParametersError(f"Unknown tags {', '.join(unknown)}; choose from {', '.join(_TAGS)}.")
    rate = _file_rate(container, audio.sample_rate)
    audio = resample(audio, rate) if rate != audio.sample_rate else audio
    subtype = container.subtype or _SUBTYPES[bit_depth]
    sink = _Sink(file)
    try:
        with soundfile.SoundFile(
            sink, "w", rate, audio.channels, subtype=subtype, format=container.major, **options
        ) as sound:
            for name, text in tags.items():
                setattr(sound, name, text)
            for block in _blocks(audio, subtype, dither):
                sound.write(block)
    except (soundfile.LibsndfileError, AssertionError) as error:
        # soundfile asserts that all was written. Why it was not is what the sink knows.
        if sink.error is None:
            raise StorageError(f"The {container.name} file could not be encoded.") from error
    if sink.error is not None:
        raise sink.error


def _blocks(audio: Audio, subtype: str, dither: bool) -> Iterator[NDArray[Any]]:
    """Interleaved blocks as the file holds them: rounded here, so that reading gives what was written."""
    # The same sound gives the same file.
    noise = np.random.default_rng(0)
    for start in range(0, audio.frames, _BLOCK_FRAMES):
        block = audio.samples[:, start : start + _BLOCK_FRAMES].T
        if not np.isfinite(block).all():
            raise InvalidParametersError("The sound contains samples that are not numbers (NaN or infinite).")
        if subtype == "PCM_16":
            steps = block * np.float32(1 << 15)
            if dither:
                steps += noise.random(steps.shape, np.float32) - noise.random(steps.shape, np.float32)
            yield np.clip(np.rint(steps), -(1 << 15), (1 << 15) - 1).astype(np.int16)
        elif subtype == "PCM_24":
            steps = np.clip(np.rint(block * np.float64(1 << 23)), -(1 << 23), (1 << 23) - 1)
            yield steps.astype(np.int32) << 8
        elif subtype == "FLOAT":
            yield np.ascontiguousarray(block)
        else:
            yield np.clip(block, -1.0, 1.0)


class _Sink:
    """Hands libsndfile's writes on and keeps the error of one that failed: C code cannot pass it through."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                return self._file.write(data)
            except OSError as error:
                self.error = error
        return 0

    def seek(self, offset: int, whence: int = 0) -> int:
        with contextlib.suppress(OSError):
            return self._file.seek(offset, whence)
        return -1

    def tell(self) -> int:
        with contextlib.suppress(OSError):
            return self._file.tell()
        return -1
