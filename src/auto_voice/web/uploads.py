"""Uploaded recordings: streamed to the disk, checked at the door, moved into their job's folder.

A file is written to the folder of temporary files, and hashed, as it arrives; no part of a request's body is ever
held in memory as a whole. What a request leaves there is removed when the request ends, however it ends.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from flask import Flask, Request, current_app, request
from werkzeug.datastructures import FileStorage

from auto_voice.atomic_file import atomic_path, storage_error, temporary_file
from auto_voice.audio import AudioInfo, DecodeLimits, probe
from auto_voice.audio.sniff import sniff
from auto_voice.config import Settings
from auto_voice.errors import FileTooLargeError, InvalidAudioError, MissingFieldError
from auto_voice.storage.paths import private_folder
from auto_voice.web.services import services

View = TypeVar("View", bound=Callable[..., Any])

_MARK = "auto_voice_with_recording"
_RECORDING_BYTES = 32 << 20
"""A recording in JSON is held in memory; a larger one is to be sent as a form's file."""


@dataclass(frozen=True)
class Upload:
    """A recording that passed the checks.

    Attributes:
        path: where it lies until the request ends.
        sha256: of its bytes, hexadecimal.
        info: what it is, by content.
    """

    path: Path
    sha256: str
    info: AudioInfo


class UploadFile:
    """A file that is being received; what werkzeug's form parser writes to.

    Raises:
        FileTooLargeError: from `write`, as soon as there are more bytes than the limit.
        StorageError: the disk is full or closed to us.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.path, self._file = temporary_file(folder)
        self._room = max_bytes
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what was written."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self._room -= len(data)
        if self._room < 0:
            raise FileTooLargeError(
                f"The file has more than the {self._max_bytes >> 20} MB that are allowed.",
                suggestions=["Send a compressed format (FLAC, MP3, Ogg), or a shorter part."],
            )
        self._hash.update(data)
        try:
            return self._file.write(data)
        except OSError as error:
            raise storage_error(error, f"write to {self.path.parent}") from error

    def read(self, size: int = -1) -> bytes:
        """Read what was written, from where `seek` led."""
        return self._file.read(size)

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; what was written so far can then be read by its path."""
        try:
            return self._file.seek(position, whence)
        except OSError as error:
            raise storage_error(error, f"write to {self.path.parent}") from error

    def close(self) -> None:
        """Remove the file, unless it was moved away."""
        # Closing writes what is buffered, which may fail on a full disk; the file goes in any case.
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


class UploadRequest(Request):
    """A request whose files go to the disk as they arrive."""

    @property
    def received(self) -> list[UploadFile]:
        """The files received so far."""
        return cast("list[UploadFile]", self.__dict__.setdefault("_received", []))

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - werkzeug's signature
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        return cast("IO[bytes]", self.new_file())

    def new_file(self) -> UploadFile:
        """A fresh file that goes when the request ends."""
        opened = services()
        file = UploadFile(opened.paths.temp_dir(), opened.settings.limits.max_audio_size_mb << 20)
        self.received.append(file)
        return file

    def discard(self) -> None:
        """Remove what was received."""
        for file in self.received:
            file.close()
        self.received.clear()


def init_app(app: Flask) -> None:
    """Limit what JSON and text may weigh, and clean up after every request."""
    app.before_request(_limit_text)
    app.teardown_request(_discard)


def text_bytes(settings: Settings) -> int:
    """How large a JSON document may be: the longest text, every character escaped."""
    return (1 << 20) + 12 * settings.limits.max_text_characters


def with_recording(view: View) -> View:
    """Mark a view whose JSON may hold a recording in base64. Stands directly above the function."""
    setattr(view, _MARK, True)
    return view


def received_file(file: FileStorage) -> UploadFile:
    """A received file that is no recording; it can be read by its path until the request ends.

    Raises:
        MissingFieldError: the field holds no file.
    """
    stream = file.stream
    if not isinstance(stream, UploadFile):
        raise MissingFieldError("The field holds no file.", suggestions=["Send it as multipart/form-data."])
    stream.seek(0)  # flushes, too
    return stream


def check_upload(file: FileStorage, limits: DecodeLimits) -> Upload:
    """Look at a received file as far as its header allows, and refuse what this service does not take.

    Args:
        file: a file of the form.
        limits: how large, how short and how long it may be.

    Raises:
        MissingFieldError: the field holds no file.
        InvalidAudioError, AudioTooShortError, FileTooLargeError: as `audio.probe`; and for a format that
        `limits.accepted_mime_types` does not name.
    """
    return _checked(received_file(file), limits)


def check_base64(text: str, limits: DecodeLimits) -> Upload:
    """As `check_upload`, for a recording within a JSON document.

    Args:
        text: the recording in base64; a data URL's beginning is skipped.
        limits: as there.

    Raises:
        InvalidAudioError: also where it is not base64.
    """
    try:
        data = base64.b64decode(text.rpartition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidAudioError("The recording is not valid base64.") from error
    file = _this_request().new_file()
    file.write(data)
    return _checked(file, limits)


def move_into_job(upload: Upload, job_id: str, number: int = 0) -> Path:
    """Put the file into the job's folder, where it survives a crash from then on. Returns its path.

    Raises:
        StorageError: the folder cannot be written.
    """
    paths = services().paths
    target = paths.job_input(job_id, number)
    folder = private_folder(target.parent)
    with atomic_path(target) as temporary:
        try:
            upload.path.replace(temporary)
        except OSError:  # another file system, where a file can only be copied to
            shutil.copyfile(upload.path, temporary)
            temporary.chmod(0o600)
    _sync_folder(folder.parent)
    return target


def remove_job_files(job_id: str) -> None:
    """Take back what was moved into the folder of a job that came to nothing."""
    folder = services().paths.job_dir(job_id)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def stored_for(job_id: str, *uploads: Upload) -> Iterator[list[Path]]:
    """The uploads in the job's folder, numbered from 0; gone again when the block raises."""
    try:
        yield [move_into_job(upload, job_id, number) for number, upload in enumerate(uploads)]
    except BaseException:
        remove_job_files(job_id)
        raise


def _limit_text() -> None:
    if request.mimetype.startswith("multipart/"):
        return
    view = current_app.view_functions.get(request.endpoint or "")
    request.max_content_length = _RECORDING_BYTES if hasattr(view, _MARK) else text_bytes(services().settings)


def _discard(error: BaseException | None) -> None:  # noqa: ARG001 - Flask's signature
    _this_request().discard()


def _this_request() -> UploadRequest:
    return cast(UploadRequest, request)


def _checked(file: UploadFile, limits: DecodeLimits) -> Upload:
    file.seek(0)  # flushes, too
    with file.path.open("rb") as opened:
        kind = sniff(opened)
    accepted = services().settings.limits.accepted_mime_types
    if kind.mime not in accepted:
        raise InvalidAudioError(
            f"The file is {kind.name.upper()} ({kind.mime}), which is not accepted here.",
            suggestions=[f"Send one of: {', '.join(accepted)}."],
        )
    return Upload(file.path, file.sha256, probe(file.path, limits))


def _sync_folder(folder: Path) -> None:
    # Some network file systems cannot sync a folder; the file's own bytes are safe by then.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
