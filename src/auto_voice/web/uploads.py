"""Uploaded recordings: checked at the door, and moved into their job's folder."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from flask import Flask, current_app, request
from werkzeug.datastructures import FileStorage

from auto_voice.atomic_file import atomic_path
from auto_voice.audio import AudioInfo, DecodeLimits, probe
from auto_voice.audio.sniff import sniff
from auto_voice.config import Settings
from auto_voice.errors import InvalidAudioError, MissingFieldError
from auto_voice.storage.paths import private_folder
from auto_voice.web.services import services
from auto_voice.web.upload_request import UploadFile, UploadRequest

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
