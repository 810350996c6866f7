"""`autovoice quality` and the runbook's check_quality.py."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio, write
from auto_voice.cli import autovoice

SCRIPT = Path(__file__).parents[3] / "scripts" / "check_quality.py"
RATE = 16_000


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    """A melody, and the same a semitone higher, 26 Hz at its top."""
    paths = []
    for name, ratio in (("original", 1.0), ("converted", 2 ** (1 / 12))):
        time = np.arange(3 * RATE) / RATE
        phase = 2 * np.pi * np.cumsum((300 + 60 * np.sin(2 * np.pi * time)) * ratio) / RATE
        wave = sum(np.sin(number * phase) / number for number in range(1, 8)) * 0.1
        path = tmp_path / f"{name}.wav"
        write(path, Audio(np.asarray(wave, dtype=np.float32)[None], RATE))
        np.save(path.with_suffix(".npy"), (300 + 60 * np.sin(2 * np.pi * time[::160])) * ratio)
        paths.append(str(path))
    return paths[0], paths[1]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        autovoice.main(["quality", *arguments], prog_name="autovoice")
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.mark.models
def test_json_is_one_document(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *pair, "--json")
    metrics = json.loads(out)
    assert code == 0
    assert metrics["pitch_accuracy"]["rmse_cents"] == pytest.approx(100, abs=5)
    assert metrics["speaker_similarity"]["reason"] == "no target voice was given"


@pytest.mark.models
def test_people_get_a_table_and_the_targets_that_are_missed(
    pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, errors = run(capsys, *pair)
    assert "Pitch error (RMSE)" in out
    assert "missed" in out
    assert "Pitch RMSE exceeds target" in errors


@pytest.mark.models
def test_a_report_shows_the_pair(pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "quality.html"
    code, _, _ = run(capsys, *pair, "--pitch-shift", "1", "--target", pair[0], "--report", str(page))
    html = page.read_text(encoding="utf-8")
    assert code == 0
    assert html.count("<audio") == 2
    assert "moved by +1 semitones" in html


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(tmp_path / "gone.wav"), str(tmp_path / "gone.wav"), "--json")
    assert code == 3
    assert json.loads(out)["code"] == "file_not_found"


@pytest.mark.models
def test_the_script_warns_and_fails_when_a_target_is_missed(pair: tuple[str, str]) -> None:
    contours = ["--reference-f0", pair[0].replace(".wav", ".npy"), "--converted-f0", pair[1].replace(".wav", ".npy")]
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), *pair, *contours], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert "WARNING: Pitch RMSE exceeds target" in ended.stdout


@pytest.mark.models
def test_the_script_succeeds_when_all_that_is_measured_is_met(
    pair: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), pair[0], pair[0], "--json"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out)["warnings"] == []
