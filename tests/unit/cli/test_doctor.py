"""`autovoice doctor`: says what is missing, and how to get it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from auto_voice.cli import autovoice, health_checks
from auto_voice.errors import InvalidAudioError
from auto_voice.models.catalogue import load_catalogue


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(autovoice, arguments)


def findings(*arguments: str) -> dict[str, dict[str, Any]]:
    document = json.loads(run(*arguments, "doctor", "--json").stdout)
    return {finding["subject"]: finding for finding in document["findings"]}


def test_a_machine_with_everything_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auto_voice.models.install.is_installed", lambda entry, folder: entry.embedded)
    result = run("doctor")
    assert result.exit_code == 0, result.stdout
    for subject in (
        "python",
        "packages",
        "libsndfile",
        "ffmpeg",
        "memory",
        "cache_dir",
        "model spleeter-2stems",
        "device",
    ):
        assert f"✓ {subject}" in result.stdout
    assert "· model htdemucs" in result.stdout  # optional: worth knowing, nothing missing


def test_missing_models_are_a_problem_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOVOICE__STORAGE__MODELS_DIR", str(tmp_path / "empty"))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["healthy"] is False
    missing = {finding["subject"] for finding in document["findings"] if finding["state"] == "problem"}
    assert missing == {f"model {entry.id}" for entry in load_catalogue().values() if entry.embedded}
    assert findings()["model fcpe"]["remedy"] == "autovoice models fetch fcpe"


def test_a_broken_configuration_is_a_finding_and_ends_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("limits: {max_song_duration_s: long}")
    found = findings("--config", str(file))
    assert found["configuration"]["state"] == "problem"
    assert "max_song_duration_s" in found["configuration"]["detail"]
    assert found["ffmpeg"]["state"] == "ok"


def test_a_folder_that_is_a_file_is_a_problem(data: Path) -> None:
    data.mkdir()
    (data / "cache").write_text("in the way")
    assert findings()["cache_dir"]["state"] == "problem"


def test_folders_are_not_made_by_looking(data: Path) -> None:
    assert "not made yet" in findings()["data_dir"]["detail"]
    assert not data.exists()


def test_little_room_is_worth_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "WANTED_DISK_BYTES", 1 << 60)
    assert findings()["cache_dir"]["state"] == "note"


def test_no_ffmpeg_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise InvalidAudioError("There is no ffmpeg.", suggestions=["Install it."])

    monkeypatch.setattr("auto_voice.audio.sandbox.find_ffmpeg", missing)
    assert findings()["ffmpeg"] == {
        "subject": "ffmpeg",
        "state": "problem",
        "detail": "There is no ffmpeg.",
        "remedy": "Install it.",
    }


def test_a_package_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "requires", lambda name: ["no-such-package>=1", "numpy>=2"])
    assert findings()["packages"]["detail"] == "missing: no-such-package"
