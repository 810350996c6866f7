"""ffmpeg as a process that can read one open file, write one pipe, and do nothing else for long.

It gets the file as its standard input (an open descriptor, not a path), only the `fd` protocol, one demuxer
chosen from the file's content, limits on memory, processor time, file sizes and open files, an empty
environment, and a process group of its own that is killed when the time is up or the reader goes away.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

import imageio_ffmpeg
import numpy as np

from auto_voice.audio.limits import took_too_long
from auto_voice.audio.signal import PcmStream, Samples
from auto_voice.errors import AutoVoiceError, InvalidAudioError

logger = logging.getLogger(__name__)

_ADDRESS_BYTES = 1 << 30
_READ_BYTES = 1 << 18
_MAX_STDERR_BYTES = 1 << 14
_LAUNCHER = Path(__file__).with_name("rlimit_exec.py")
_AU_HEADER = struct.Struct(">4sIIIII")


@contextlib.contextmanager
def ffmpeg_stream(file: BinaryIO, demuxer: str, max_seconds: float, timeout_seconds: float) -> Iterator[PcmStream]:
    """Decode the first sound track of an open file.

    Args:
        file: a regular file, open for reading.
        demuxer: the name of the only demuxer that may read it.
        max_seconds: decoding stops there.
        timeout_seconds: wall-clock and processor time until the process is killed.

    Raises:
        InvalidAudioError: there is no sound in it that can be decoded, or decoding takes too long.
    """
    file.seek(0)
    limits = [str(math.ceil(timeout_seconds)), str(_ADDRESS_BYTES)]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *limits, *_command(demuxer, max_seconds)],
        stdin=file.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={},
        cwd="/",
        start_new_session=True,
    )
    chunks = _output(process, time.monotonic() + timeout_seconds)
    try:
        yield _au_stream(chunks)
    finally:
        chunks.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _command(demuxer: str, max_seconds: float) -> list[str]:
    """Sun AU on the pipe: the one format whose 24-byte header says rate and channels and needs no length."""
    return [
        *(find_ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"),
        *("-protocol_whitelist", "fd", "-f", demuxer, "-i", "fd:"),
        *("-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-t", f"{max_seconds:.3f}"),
        *("-c:a", "pcm_f32be", "-f", "au", "pipe:1"),
    ]


@functools.lru_cache(maxsize=1)
def find_ffmpeg() -> str:
    """The system's ffmpeg when it can read an open descriptor (the `fd` protocol), else the one of the wheel.

    Raises:
        AutoVoiceError: there is none.
    """
    system = shutil.which("ffmpeg")
    if system:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            listing = subprocess.run(
                [system, "-hide_banner", "-protocols"], capture_output=True, timeout=20, check=True
            )
            if b"fd" in listing.stdout.split():
                return system
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise AutoVoiceError(
            "There is no ffmpeg to read this format with.",
            suggestions=["Install ffmpeg 6 or newer, or the imageio-ffmpeg package for this platform."],
        ) from error


def _output(process: subprocess.Popen[bytes], deadline: float) -> Generator[bytes, None, None]:
    """What the process writes, until it ends well."""
    assert process.stdout and process.stderr
    complaints = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready or time.monotonic() > deadline:
                raise took_too_long()
            for key, _ in ready:
                chunk = os.read(key.fd, _READ_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    yield chunk
                else:
                    complaints = (complaints + chunk)[:_MAX_STDERR_BYTES]
    try:
        process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise took_too_long() from error
    if process.returncode != 0:
        logger.debug("ffmpeg ended with %s: %s", process.returncode, complaints.decode(errors="replace"))
        raise InvalidAudioError(
            "The sound in the file cannot be decoded: it is damaged, encrypted or of an unknown kind.",
            suggestions=["Export the recording again, as WAV, FLAC or MP3."],
        )


def _au_stream(chunks: Iterator[bytes]) -> PcmStream:
    """Read the header, then hand out the samples."""
    data = b""
    for chunk in chunks:
        data += chunk
        if len(data) >= _AU_HEADER.size and len(data) >= _AU_HEADER.unpack_from(data)[1]:
            break
    if len(data) < _AU_HEADER.size:
        raise InvalidAudioError("There is no sound in the file.", suggestions=["Check that the recording plays."])
    _, offset, _, _, sample_rate, channels = _AU_HEADER.unpack_from(data)
    return PcmStream(sample_rate, channels, _frames(data[offset:], chunks, channels))


def _frames(data: bytes, chunks: Iterator[bytes], channels: int) -> Iterator[Samples]:
    """Big-endian bytes in pieces of any size to whole frames."""
    frame_bytes = 4 * channels
    while True:
        whole = len(data) - len(data) % frame_bytes
        if whole:
            yield np.frombuffer(data[:whole], dtype=">f4").reshape(-1, channels).astype(np.float32)
        chunk = next(chunks, None)
        if chunk is None:
            return
        data = data[whole:] + chunk
