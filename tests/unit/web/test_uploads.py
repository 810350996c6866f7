"""Uploads: on the disk while they arrive, looked at by content, gone when their request ends."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import request
from werkzeug.datastructures import FileStorage

from auto_voice.atomic_file import remove_stale_temporaries
from auto_voice.audio import Audio, DecodeLimits, encode
from auto_voice.errors import (
    AudioTooShortError,
    AutoVoiceError,
    FileTooLargeError,
    InvalidAudioError,
    MissingFieldError,
    StorageError,
)
from auto_voice.jobs.job import new_job_id
from auto_voice.web import uploads
from auto_voice.web.upload_request import UploadFile
from simple_engines import song, wav
from web_house import WebHouse

SOUND = wav(song(1.5))


@contextmanager
def received(house: WebHouse, content: bytes, name: str = "song.wav") -> Iterator[Any]:
    """A request with one file, as a view finds it."""
    with house.app.test_request_context(
        "/api/v1/convert/song", method="POST", data={"song": (io.BytesIO(content), name)}
    ):
        yield request.files["song"]


def lying_about(house: WebHouse) -> list[Path]:
    """The files in the folder of temporary ones."""
    return [file for file in house.settings.storage.temp_dir.rglob("*") if file.is_file()]


def test_a_file_is_hashed_as_it_arrives_and_known_by_its_content(house: WebHouse) -> None:
    with received(house, SOUND, "../../etc/passwd.mp3") as file:
        upload = uploads.check_upload(file, DecodeLimits())
        assert upload.sha256 == hashlib.sha256(SOUND).hexdigest()
        assert (upload.info.format, upload.info.mime) == ("wav", "audio/wav")
        assert upload.info.duration_seconds == pytest.approx(1.5)
        assert upload.path.read_bytes() == SOUND
        assert upload.path.parent == house.settings.storage.temp_dir
        assert upload.path.stat().st_mode & 0o777 == 0o600
    assert not lying_about(house)


def test_a_killed_processs_upload_is_known_as_left_over(house: WebHouse) -> None:
    with received(house, SOUND) as file:
        uploads.check_upload(file, DecodeLimits())
        assert remove_stale_temporaries(house.settings.storage.temp_dir, older_than_seconds=-1) == 1


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", InvalidAudioError),
        (b"not a song", InvalidAudioError),
        (b"#EXTM3U\n/etc/passwd\n", InvalidAudioError),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", InvalidAudioError),
        (SOUND[:2000], InvalidAudioError),
        (wav(song(0.2)), AudioTooShortError),
        (wav(song(4.0)), FileTooLargeError),
    ],
    ids=["empty", "text", "playlist", "concat", "cut off", "short", "long"],
)
def test_what_is_no_song_is_refused_at_the_door(house: WebHouse, content: bytes, error: type[AutoVoiceError]) -> None:
    with received(house, content) as file, pytest.raises(error):
        uploads.check_upload(file, DecodeLimits(min_seconds=1.0, max_seconds=3.0))
    assert not lying_about(house)


def test_only_the_configured_formats_are_taken(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", limits__accepted_mime_types='["audio/flac"]')
    flac = encode(Audio(song(1.5).samples, song(1.5).sample_rate), "flac")
    with received(house, flac) as file:
        assert uploads.check_upload(file, DecodeLimits()).info.mime == "audio/flac"
    with received(house, SOUND) as file, pytest.raises(InvalidAudioError, match="WAV") as refused:
        uploads.check_upload(file, DecodeLimits())
    assert "audio/flac" in refused.value.suggestions[0]


def test_bytes_beyond_the_limit_are_never_written(house: WebHouse, tmp_path: Path) -> None:
    file = UploadFile(tmp_path, max_bytes=1000)
    file.write(b"x" * 1000)
    with pytest.raises(FileTooLargeError):
        file.write(b"x")
    file.seek(0)
    assert file.path.stat().st_size == 1000
    file.close()
    assert not file.path.exists()


def test_a_closed_folder_is_the_operators_problem_not_the_clients(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write to"):
        UploadFile(tmp_path / "missing", max_bytes=1000)


def test_a_full_disk_is_said_to_be_full() -> None:
    class Full(UploadFile):
        def __init__(self) -> None:
            self.path, self._file = Path("/dev/full"), open("/dev/full", "w+b", buffering=0)  # noqa: SIM115, PTH123
            self._room = self._max_bytes = 100
            self._hash = hashlib.sha256()

    file = Full()
    with pytest.raises(StorageError, match="No space left"):
        file.write(b"x")
    file._file.close()


def test_a_recording_in_json_is_checked_as_a_file_is(house: WebHouse) -> None:
    text = base64.b64encode(SOUND).decode()
    for sent in (text, f"data:audio/wav;base64,{text}"):
        with house.app.test_request_context("/", method="POST"):
            upload = uploads.check_base64(sent, DecodeLimits())
            assert upload.sha256 == hashlib.sha256(SOUND).hexdigest()
    assert not lying_about(house)


@pytest.mark.parametrize("text", ["", "%%%", "é", "QUJD", "A" * 5], ids=["empty", "signs", "é", "ABC", "cut"])
def test_what_is_no_recording_in_base64_is_refused(house: WebHouse, text: str) -> None:
    with house.app.test_request_context("/", method="POST"), pytest.raises(InvalidAudioError):
        uploads.check_base64(text, DecodeLimits())
    assert not lying_about(house)


def test_a_field_without_a_file_is_missing(house: WebHouse) -> None:
    with house.app.test_request_context("/"), pytest.raises(MissingFieldError):
        uploads.check_upload(FileStorage(io.BytesIO(SOUND)), DecodeLimits())


def test_a_file_is_moved_into_its_jobs_folder_and_stays_there(house: WebHouse) -> None:
    job_id = new_job_id()
    with received(house, SOUND) as file:
        upload = uploads.check_upload(file, DecodeLimits())
        with uploads.stored_for(job_id, upload) as [path]:
            assert path == house.services.paths.job_input(job_id, 0)
    assert path.read_bytes() == SOUND
    assert path.stat().st_mode & 0o777 == 0o600
    assert not lying_about(house)


def test_another_file_system_makes_no_difference(house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    replace: Callable[[Path, Path], Path] = Path.replace

    def elsewhere(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(18, "Invalid cross-device link")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", elsewhere)
    job_id = new_job_id()
    with received(house, SOUND) as file:
        path = uploads.move_into_job(uploads.check_upload(file, DecodeLimits()), job_id)
    assert path.read_bytes() == SOUND
    assert path.stat().st_mode & 0o777 == 0o600
    assert not lying_about(house)


def test_a_job_that_comes_to_nothing_leaves_no_folder(house: WebHouse) -> None:
    job_id = new_job_id()
    with received(house, SOUND) as file:
        upload = uploads.check_upload(file, DecodeLimits())
        with pytest.raises(RuntimeError), uploads.stored_for(job_id, upload):
            raise RuntimeError("the queue is full")
    assert not house.services.paths.job_dir(job_id).exists()


@pytest.mark.parametrize("path", ["/api/v1/convert/song", "/api/v1/nothing-here", "/health"])
def test_no_answer_leaves_a_file_behind(house: WebHouse, path: str) -> None:
    answer = house.client.post(path, data={"song": (io.BytesIO(b"x" * 200_000), "x.wav"), "other": "y"})
    assert 400 <= answer.status_code < 500
    assert not lying_about(house)


def test_a_form_of_too_many_parts_is_refused(house: WebHouse) -> None:
    fields = {f"field{number}": "x" for number in range(100)}
    answer = house.client.post("/api/v1/convert/song", data={**fields, "song": (io.BytesIO(SOUND), "x.wav")})
    assert (answer.status_code, answer.json["code"]) == (413, "file_too_large")


def test_text_has_a_limit_of_its_own(house: WebHouse) -> None:
    most = uploads.text_bytes(house.settings)
    answer = house.client.post("/api/v1/ws/ticket", data=b" " * (most + 1), content_type="application/json")
    assert answer.status_code == 413
    long = {"target_profile_id": "x" * (600 << 10), "song": (io.BytesIO(SOUND), "x.wav")}
    assert house.client.post("/api/v1/convert/song", data=long).status_code == 413
