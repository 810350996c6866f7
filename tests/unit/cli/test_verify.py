"""`autovoice verify`: the exit code says what became of a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from auto_voice.audio import Audio
from auto_voice.cli import autovoice
from auto_voice.config import load_settings
from auto_voice.provenance import Origin, sidecar_of, write_signed


def run(*arguments: object) -> Result:
    return CliRunner().invoke(autovoice, ["verify", *map(str, arguments)])


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Signed by the installation that the command belongs to."""
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "converted.wav"
    sound = Audio(np.zeros((1, 4800), np.float32), 48000)
    write_signed(
        path, sound, Origin(kind="conversion", job="conv-1", profile="p-1"), load_settings(environment=os.environ)
    )
    return path


def test_what_was_signed_here_is_verified(song: Path) -> None:
    result = run(song)
    assert result.exit_code == 0
    assert "is as it was signed" in result.stdout
    assert "conv-1" in result.stdout
    assert "p-1" in result.stdout
    document = json.loads(run(song, "--json").stdout)
    assert document["verified"] is True
    assert document["statement"]["synthetic"] is True


@pytest.mark.parametrize("what", ["file", "document"])
def test_a_change_is_exit_code_10(song: Path, what: str) -> None:
    changed = song if what == "file" else sidecar_of(song)
    changed.write_bytes(changed.read_bytes().replace(b"conv-1", b"conv-2"))
    result = run(song, "--json")
    assert result.exit_code == 10
    assert json.loads(result.stdout)["code"] == "file_changed"


def test_another_installation_is_exit_code_11_unless_its_key_is_named(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = run("--show-key").stdout.strip()
    assert json.loads(run("--show-key", "--json").stdout) == {"public_key": key}
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path / "elsewhere"))
    assert run(song).exit_code == 11
    assert run(song, "--key", key).exit_code == 0
    assert run(song, "--key", "no key").exit_code == 3
    assert run("--show-key").exit_code == 3, "verifying makes no key"


def test_without_a_document_it_is_exit_code_12(song: Path) -> None:
    sidecar_of(song).rename(song.with_name("other.json"))
    result = run(song)
    assert result.exit_code == 12
    assert "Synthetic voice" in result.stderr
    assert run(song, "--sidecar", song.with_name("other.json")).exit_code == 0


def test_wrong_usage_is_told(song: Path, tmp_path: Path) -> None:
    assert run().exit_code == 2
    assert run(tmp_path / "none.wav").exit_code == 3
    assert run(tmp_path).exit_code == 3
    assert run(song, "--sidecar", tmp_path / "none.json").exit_code == 3
