"""A stranger's file to samples, within limits: by content, streamed, and never trusting a header.

libsndfile reads WAV, AIFF, FLAC, Ogg Vorbis and Opus in this process; MP3, M4A and WebM, and what libsndfile
cannot open, go through ffmpeg in a sandbox.

A file is refused as cut off when its container says that bytes are missing, or when what can be read is more
than 0.25 s and 0.5 % shorter than its header states: a song that ends in the middle is no use, and nobody
should find out after minutes of work. An MP3 without a Xing header and an Ogg or WebM file that ends between
two pages state no length: those are read as far as they go.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from auto_voice.audio.containers import Claim
from auto_voice.audio.containers.mpeg import read_mp3_header
from auto_voice.audio.limits import AudioInfo, DecodeLimits, clock, took_too_long
from auto_voice.audio.sandbox import ffmpeg_stream
from auto_voice.audio.signal import Audio, PcmStream, Samples
from auto_voice.audio.sniff import MP3, Format, sniff
from auto_voice.audio.source import open_source
from auto_voice.errors import AudioTooShortError, FileTooLargeError, InvalidAudioError

_BLOCK_FRAMES = 1 << 14
# What libsndfile says of a FLAC file that does not state its length, whose end it then cannot read.
_UNKNOWN_FRAMES = np.iinfo(np.int64).max
_MISSING_SECONDS, _MISSING_SHARE = 0.25, 0.005
# ffmpeg is stopped a little behind the limit, so that what lies behind it can be noticed.
_PAST_LIMIT_SECONDS = 1.0
_DEFAULT_LIMITS = DecodeLimits()


def decode(source: Path | str | bytes, limits: DecodeLimits = _DEFAULT_LIMITS) -> Audio:
    """Read a recording.

    Args:
        source: a file, or the bytes of one. Its format is found by content; a name or type is never asked.
        limits: what is refused.

    Returns:
        All channels at the file's own rate.

    Raises:
        NotFoundError: there is no such file.
        InvalidAudioError: not a format that is read, damaged, cut off, empty, or with samples that are no
        numbers. AudioTooShortError: shorter than `limits.min_seconds`.
        FileTooLargeError: too many bytes, too long, or too much memory when decoded.
    """
    with open_source(source, limits) as file:
        kind, claim = _identify(file)
        with _stream(file, kind, limits) as stream:
            _check_stream(stream, limits)
            samples = _collect(stream, claim, limits)
    audio = Audio(samples, stream.sample_rate)
    _check_length(audio.duration, claim, limits)
    return audio


def check(audio: Audio, limits: DecodeLimits = _DEFAULT_LIMITS) -> None:
    """Hold sound that is in memory already to the limits of `decode`. Raises the same errors."""
    _check_stream(PcmStream(audio.sample_rate, audio.channels, iter(()), audio.frames), limits)
    if not np.isfinite(audio.samples).all():
        raise _no_numbers()
    _check_length(audio.duration, Claim(), limits)


def probe(source: Path | str | bytes, limits: DecodeLimits = _DEFAULT_LIMITS) -> AudioInfo:
    """What a recording is, with the checks of `decode` that its header allows.

    M4A, WebM and MP3 files without a Xing header state no length that could be believed: they are decoded and
    counted, in constant memory.

    Raises:
        The errors of `decode`. Damage in the middle of a file only shows when it is decoded.
    """
    with open_source(source, limits) as file:
        kind, claim = _identify(file)
        mp3 = read_mp3_header(file) if kind is MP3 and claim.seconds is not None else None
        if mp3 and claim.seconds is not None:
            stream, seconds = PcmStream(mp3.sample_rate, mp3.channels, iter(())), claim.seconds
            _check_stream(stream, limits)
        else:
            with _stream(file, kind, limits) as stream:
                _check_stream(stream, limits)
                frames = stream.frames if stream.frames is not None else _count(stream, claim, limits)
            seconds = frames / stream.sample_rate
        _check_length(seconds, claim, limits)
        size = os.fstat(file.fileno()).st_size
    return AudioInfo(kind.name, stream.sample_rate, stream.channels, seconds, size, kind.mime)


def _identify(file: BinaryIO) -> tuple[Format, Claim]:
    kind = sniff(file)
    claim = kind.claim(file)
    if not claim.has_audio:
        raise InvalidAudioError(
            f"There is no sound in this {kind.name.upper()} file.",
            suggestions=["Send a file with a sound track."],
        )
    return kind, claim


@contextlib.contextmanager
def _stream(file: BinaryIO, kind: Format, limits: DecodeLimits) -> Iterator[PcmStream]:
    sound = None
    if kind.in_process:
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        with contextlib.suppress(soundfile.LibsndfileError):
            sound = soundfile.SoundFile(file.fileno(), closefd=False)
    if sound is not None:
        with sound:
            if sound.frames < _UNKNOWN_FRAMES:
                blocks = _libsndfile_blocks(sound, time.monotonic() + limits.timeout_seconds)
                yield PcmStream(sound.samplerate, sound.channels, blocks, sound.frames)
                return
    longest = limits.max_seconds + _PAST_LIMIT_SECONDS
    with ffmpeg_stream(file, kind.demuxer, longest, limits.timeout_seconds) as stream:
        yield stream


def _libsndfile_blocks(sound: soundfile.SoundFile, deadline: float) -> Iterator[Samples]:
    frames = 0
    while True:
        try:
            block = sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _unreadable_after(frames / sound.samplerate) from error
        if not len(block):
            return
        if time.monotonic() > deadline:
            raise took_too_long()
        frames += len(block)
        yield block


def _collect(stream: PcmStream, claim: Claim, limits: DecodeLimits) -> Samples:
    """All blocks as (channels, frames).

    The array is reserved at the stated or the largest allowed size, which takes address space only: the
    system gives memory to what is really written. So neither a lying header nor a bomb costs any.
    """
    most = _most_frames(stream, limits)
    samples = np.empty((stream.channels, min(stream.frames or most, most)), np.float32)
    frames = 0
    for block in stream.blocks:
        if frames + len(block) > samples.shape[1]:
            raise _too_long(claim.seconds, limits)
        if not np.isfinite(block).all():
            raise _no_numbers()
        samples[:, frames : frames + len(block)] = block.T
        frames += len(block)
    return np.ascontiguousarray(samples[:, :frames])


def _count(stream: PcmStream, claim: Claim, limits: DecodeLimits) -> int:
    frames = 0
    for block in stream.blocks:
        frames += len(block)
        if frames > _most_frames(stream, limits):
            raise _too_long(claim.seconds, limits)
    return frames


def _most_frames(stream: PcmStream, limits: DecodeLimits) -> int:
    by_memory = limits.max_decoded_bytes // (4 * stream.channels)
    return min(int(limits.max_seconds * stream.sample_rate), by_memory)


def _check_stream(stream: PcmStream, limits: DecodeLimits) -> None:
    """What can be refused before a single sample is decoded."""
    if not limits.min_rate <= stream.sample_rate <= limits.max_rate:
        raise InvalidAudioError(
            f"The sample rate is {stream.sample_rate} Hz; it must be {limits.min_rate} to {limits.max_rate}.",
            suggestions=["Export the recording at 44100 or 48000 Hz."],
        )
    if not 1 <= stream.channels <= limits.max_channels:
        raise InvalidAudioError(
            f"The file has {stream.channels} channels; at most {limits.max_channels} can be read.",
            suggestions=["Mix the recording down to stereo."],
        )
    if stream.frames is not None and stream.frames > _most_frames(stream, limits):
        raise _too_long(stream.frames / stream.sample_rate, limits)


def _check_length(seconds: float, claim: Claim, limits: DecodeLimits) -> None:
    missing = (claim.seconds or 0.0) - seconds
    if claim.cut or missing > max(_MISSING_SECONDS, _MISSING_SHARE * (claim.seconds or 0.0)):
        raise _unreadable_after(seconds, claim.seconds)
    if seconds == 0:
        raise InvalidAudioError("There is no sound in the recording.", suggestions=["Check that it plays."])
    if seconds > limits.max_seconds:
        raise _too_long(seconds, limits)
    if seconds < limits.min_seconds:
        raise AudioTooShortError(
            f"The recording is {clock(seconds)} long; at least {clock(limits.min_seconds)} are needed.",
            suggestions=["Send a longer recording."],
        )


def _too_long(seconds: float | None, limits: DecodeLimits) -> FileTooLargeError:
    limit = clock(limits.max_seconds)
    if seconds is not None and seconds > limits.max_seconds:
        message = f"The recording is {clock(seconds)} long; the limit is {limit}."
    elif seconds is not None:
        message = f"The recording takes more than {limits.max_decoded_bytes >> 20} MB of memory when it is decoded."
    else:
        message = f"The recording is longer than the limit of {limit}."
    return FileTooLargeError(message, suggestions=["Send a shorter part, or fewer channels at a lower sample rate."])


def _no_numbers() -> InvalidAudioError:
    return InvalidAudioError(
        "The recording contains samples that are not numbers (NaN or infinite).",
        suggestions=["Export the recording again; the program that wrote it went wrong."],
    )


def _unreadable_after(seconds: float, claimed: float | None = None) -> InvalidAudioError:
    stated = f" of {clock(claimed)}" if claimed is not None and claimed > seconds else ""
    return InvalidAudioError(
        f"The file is damaged or cut off: only the first {clock(seconds)}{stated} can be read.",
        suggestions=["Copy, download or export the recording again."],
    )
