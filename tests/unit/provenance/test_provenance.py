"""provenance/: a result says it is synthetic, and its signed document shows any change of either."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from auto_voice.audio import Audio
from auto_voice.audio.encode import FORMATS
from auto_voice.config import Settings, load_settings
from auto_voice.errors import (
    ChangedFileError,
    ForeignSignatureError,
    InvalidParametersError,
    NotFoundError,
    StorageError,
    UnsignedFileError,
)
from auto_voice.provenance import Origin, public_key, sidecar_of, verify, write_signed
from auto_voice.storage.paths import Paths

JOB = "conv-00000000-0000-4000-8000-000000000000"
PROFILE = "00000000-0000-0000-0000-000000000001"
ORIGIN = Origin(kind="conversion", job=JOB, profile=PROFILE)
SOUND = Audio(np.linspace(-0.5, 0.5, 9600, dtype=np.float32)[None], 48000)


@pytest.fixture
def result(settings: Settings, tmp_path: Path) -> Path:
    """A signed song."""
    path = tmp_path / "converted.wav"
    write_signed(path, SOUND, ORIGIN, settings)
    return path


def key(settings: Settings) -> str:
    found = public_key(settings)
    assert found is not None
    return found


def test_the_document_tells_what_was_made_by_what(settings: Settings, result: Path) -> None:
    statement = verify(result, key(settings))
    assert sidecar_of(result).name == "converted.wav.provenance.json"
    assert statement["synthetic"] is True
    assert (statement["kind"], statement["job"], statement["profile"]) == ("conversion", JOB, PROFILE)
    assert (statement["file"], statement["size"]) == ("converted.wav", result.stat().st_size)
    assert statement["created_at"].endswith("+00:00")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_carries_the_tags_itself(settings: Settings, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"speech.{format}"
    write_signed(path, SOUND, ORIGIN, settings, format=format)
    with soundfile.SoundFile(path) as sound:
        assert sound.comment.startswith("Synthetic voice")
        assert JOB in sound.comment
        assert PROFILE in sound.comment
    assert verify(path, key(settings))["file"] == path.name


def test_a_file_may_be_renamed_and_its_document_be_named(settings: Settings, result: Path, tmp_path: Path) -> None:
    other = tmp_path / "my song.wav"
    result.rename(other)
    assert verify(other, key(settings), sidecar_of(result))["job"] == JOB


@pytest.mark.parametrize("position", [0, 100, -1])
def test_one_changed_byte_of_the_file_is_found(settings: Settings, result: Path, position: int) -> None:
    data = bytearray(result.read_bytes())
    data[position] ^= 1
    result.write_bytes(data)
    with pytest.raises(ChangedFileError):
        verify(result, key(settings))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("synthetic", False),
        ("job", "conv-00000000-0000-4000-8000-000000000001"),
        ("profile", None),
        ("created_at", "1999-01-01T00:00:00+00:00"),
        ("note", "added"),
        ("signature", "AAAA"),
        ("public_key", "AAAA"),
        ("algorithm", "none"),
    ],
)
def test_every_field_of_the_document_is_protected(settings: Settings, result: Path, field: str, value: Any) -> None:
    document = json.loads(sidecar_of(result).read_text())
    sidecar_of(result).write_text(json.dumps({**document, field: value}))
    with pytest.raises(ChangedFileError):
        verify(result, key(settings))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"algorithm": "Ed25519"}',
        b"[" * 60_000,
        b'{"algorithm": "Ed25519", "signature": 1, "public_key": []}',
        b"9" * 10_000,
        b'{"size": NaN, "algorithm": "Ed25519", "signature": "AA==", "public_key": "' + b"A" * 43 + b'="}',
        b" " * 70_000,
    ],
)
def test_a_hostile_document_is_a_changed_one(settings: Settings, result: Path, content: bytes) -> None:
    sidecar_of(result).write_bytes(content)
    with pytest.raises(ChangedFileError):
        verify(result, key(settings))


def test_another_installations_signature_is_told_from_ours(settings: Settings, result: Path, tmp_path: Path) -> None:
    elsewhere = load_settings(environment={"AUTOVOICE__STORAGE__DATA_DIR": str(tmp_path / "elsewhere")})
    assert public_key(elsewhere) is None
    for trusted in (None, "A" * 43 + "="):
        with pytest.raises(ForeignSignatureError, match="another installation"):
            verify(result, trusted)
    assert verify(result, key(settings))["synthetic"] is True
    with pytest.raises(InvalidParametersError):
        verify(result, "not a key")


def test_without_a_document_the_tags_are_told_for_what_they_are(settings: Settings, result: Path) -> None:
    sidecar_of(result).unlink()
    with pytest.raises(UnsignedFileError, match=f"anybody can write.*{JOB}"):
        verify(result, key(settings))
    result.write_bytes(b"no sound at all")
    with pytest.raises(UnsignedFileError, match="do not say"):
        verify(result, key(settings))


def test_what_is_not_there_is_not_found(settings: Settings, result: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        verify(tmp_path / "none.wav", key(settings))
    with pytest.raises(NotFoundError):
        verify(result, key(settings), tmp_path / "none.json")


def test_the_key_is_for_its_owner_only_and_stays(settings: Settings, result: Path) -> None:
    file = Paths(settings).signing_key_file()
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    write_signed(result, SOUND, ORIGIN, settings)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_told_and_never_replaced(settings: Settings, result: Path, content: bytes) -> None:
    file = Paths(settings).signing_key_file()
    file.write_bytes(content)
    with pytest.raises(StorageError, match=r"signing_key\.pem is not the key"):
        write_signed(result, SOUND, ORIGIN, settings)
    assert file.read_bytes() == content


def test_processes_that_sign_first_at_once_use_one_key(settings: Settings, tmp_path: Path) -> None:
    shutil.rmtree(settings.storage.data_dir, ignore_errors=True)
    program = (
        "import sys; from pathlib import Path; from auto_voice.config import load_settings;"
        "from auto_voice.provenance.key import signing_key, text_of;"
        "settings = load_settings(environment={'AUTOVOICE__STORAGE__DATA_DIR': sys.argv[1]});"
        "print(text_of(signing_key(settings).public_key()))"
    )
    command = [sys.executable, "-c", program, str(settings.storage.data_dir)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert {process.communicate(timeout=60)[0].strip() for process in started} == {key(settings)}
