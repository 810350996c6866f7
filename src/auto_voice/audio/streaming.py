"""Sound to a file that can be heard while it grows: ffmpeg encodes what comes down a pipe, as it comes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args

import numpy as np

from auto_voice.atomic_file import storage_error
from auto_voice.audio.sandbox import find_ffmpeg
from auto_voice.audio.signal import Audio
from auto_voice.errors import AutoVoiceError, InvalidParametersError

StreamFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

STREAM_TYPES: dict[str, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg; codecs=opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""The media type of each format."""

_ENCODERS: dict[str, tuple[str, ...]] = {
    # A constant rate lets players tell the length of a file without an index, which would stand at its beginning.
    "mp3": ("-c:a", "libmp3lame", "-b:a", "96k", "-write_xing", "0", "-f", "mp3"),
    # Pages of 20 ms instead of a second: a page is only written when it is full.
    "opus": ("-c:a", "libopus", "-b:a", "48k", "-page_duration", "20000", "-f", "ogg"),
    "aac": ("-c:a", "aac", "-b:a", "96k", "-f", "adts"),
    "flac": ("-c:a", "flac", "-sample_fmt", "s16", "-f", "flac"),
    "wav": ("-c:a", "pcm_s16le", "-f", "wav"),
    "pcm": ("-c:a", "pcm_s16le", "-ar", "24000", "-f", "s16le"),
}
_GRACE_SECONDS = 60.0
_BLOCK_FRAMES = 1 << 14


class StreamEncoder:
    """Encodes one mono stream into a file; what was written is in the file at once, but for about 0.2 s.

    Used as a context manager it closes the file when the block ends, and gives up when it raises: what is
    there by then stays, and no process is left behind. Not for several threads at once.

    Args:
        path: a new file, or one to write over; its folder must exist.
        sample_rate: Hz, of what will be written, and of the file where its format allows. pcm always has
            24 kHz.
        format: mp3 (constant 96 kbit/s), opus (in Ogg, 48 kbit/s), aac (ADTS, 96 kbit/s), flac, wav (both
            16 bits; the header tells the length once the file is closed), pcm (headerless 16-bit
            little-endian).
        tags: title, artist, album, comment, date; aac and pcm have no place for them.

    Raises:
        InvalidParametersError: there is no such format.
        StorageError: the file cannot be made.
    """

    def __init__(self, path: Path, sample_rate: int, format: str, tags: Mapping[str, str] | None = None) -> None:
        if format not in _ENCODERS:
            raise InvalidParametersError(
                f"cannot stream {format!r}", suggestions=[f"choose one of {', '.join(get_args(StreamFormat))}"]
            )
        self._path = path
        self._rate = sample_rate
        try:
            # For reading, too: ffmpeg asks the descriptor whether it can go back to complete a header.
            self._file = path.open("w+b")
        except OSError as error:
            raise storage_error(error, f"write {path}") from error
        try:
            self._process = subprocess.Popen(
                _command(sample_rate, format, tags or {}),
                stdin=subprocess.PIPE,
                stdout=self._file,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={},
                cwd="/",
                # A Ctrl-C in the terminal is ours to handle: the encoder ends when its input does.
                start_new_session=True,
            )
        except BaseException:
            self._file.close()
            raise

    def write(self, audio: Audio) -> None:
        """Append sound.

        Raises:
            InvalidParametersError: it has another rate, or samples that are not numbers.
            StorageError: the disk is full.
            AutoVoiceError: the encoder died.
        """
        if audio.sample_rate != self._rate:
            raise InvalidParametersError(f"the stream has {self._rate} Hz, not {audio.sample_rate}")
        samples = audio.mono()
        if not np.isfinite(samples).all():
            raise InvalidParametersError("The sound contains samples that are not numbers (NaN or infinite).")
        pipe = self._process.stdin
        assert pipe
        try:
            for start in range(0, len(samples), _BLOCK_FRAMES):
                block = memoryview(np.clip(samples[start : start + _BLOCK_FRAMES], -1, 1).astype("<f4").tobytes())
                while block:
                    block = block[pipe.write(block) :]
        except BrokenPipeError:
            raise self._failure() from None

    def close(self) -> None:
        """Finish the file and have it reach the disk. Raises as `write`; may be called again."""
        if self._file.closed:
            return
        try:
            assert self._process.stdin
            self._process.stdin.close()
            if self._process.wait(_GRACE_SECONDS):
                raise self._failure()
            os.fsync(self._file.fileno())
        except subprocess.TimeoutExpired as error:
            raise AutoVoiceError("The encoder does not end.") from error
        except OSError as error:
            raise storage_error(error, f"write {self._path}") from error
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End the encoder at once, wherever it is; after `close` nothing is left to end."""
        assert self._process.stdin
        self._process.kill()
        self._process.stdin.close()
        self._process.wait()
        self._file.close()

    def __enter__(self) -> StreamEncoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def _failure(self) -> AutoVoiceError:
        """Why the encoder ended. ffmpeg exits with the error number of the system call that failed, negated."""
        number = 256 - self._process.wait(_GRACE_SECONDS)
        if 0 < number < 128:
            return storage_error(OSError(number, os.strerror(number)), f"write {self._path}")
        return AutoVoiceError(f"The encoder ended with status {256 - number}.")


def _command(sample_rate: int, format: str, tags: Mapping[str, str]) -> list[str]:
    return [
        *(find_ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "quiet", "-threads", "1"),
        *("-probesize", "32", "-analyzeduration", "0", "-fflags", "nobuffer"),
        *("-f", "f32le", "-ar", str(sample_rate), "-ac", "1", "-i", "pipe:0", "-map_metadata", "-1"),
        *(part for name, text in tags.items() for part in ("-metadata", f"{name}={text}")),
        *("-flush_packets", "1", *_ENCODERS[format], "fd:"),
    ]
