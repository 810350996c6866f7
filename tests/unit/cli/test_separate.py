"""`autovoice separate`: where the stems go, what is said, and what is refused before any work is done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from auto_voice import plugins
from auto_voice.audio import Audio, decode, write
from auto_voice.cli import autovoice
from auto_voice.features import Progress, Stems, no_progress

RATE = 8000


class HalfSeparator:
    """Takes half of everything for vocals."""

    name = "half"

    def separate(self, mix: Audio, progress: Progress = no_progress) -> Stems:
        progress(1.0)
        half = Audio(mix.samples * np.float32(0.5), mix.sample_rate)
        return Stems(vocals=half, accompaniment=half, model=self.name, warnings=("It was only halved.",))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of separators that were asked for; all of them halve."""
    names: list[str] = []

    def make(group: str, name: str, *rest: object) -> HalfSeparator:
        names.append(name)
        return HalfSeparator()

    monkeypatch.setattr(plugins, "create", make)
    return names


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "Grüße an \U0001f3b5.wav"
    tone = np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
    write(path, Audio(np.stack([tone, 0.5 * tone]).astype(np.float32) * np.float32(0.5), RATE))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(autovoice, ["separate", *map(str, arguments)])


def test_stems_are_written_and_named(song: Path, tmp_path: Path, asked: list[str]) -> None:
    folder = tmp_path / "new" / "stems"
    result = run(song, "-o", folder, "--model", "spleeter", "--format", "flac", "--json")
    assert result.exit_code == 0, result.output
    assert asked == ["spleeter"]
    document = json.loads(result.stdout)
    (outcome,) = document["files"]
    assert (document["separated"], outcome["model"], outcome["warnings"]) == (1, "half", ["It was only halved."])
    for stem in ("vocals", "accompaniment"):
        path = folder / f"{song.stem} - {stem}.flac"
        assert outcome[stem] == str(path)
        np.testing.assert_allclose(decode(path).samples, 0.5 * decode(song).samples, atol=1e-3)


def test_the_presets_model_serves_where_none_is_named(song: Path, tmp_path: Path, asked: list[str]) -> None:
    result = run(song, "-o", tmp_path / "stems")
    assert result.exit_code == 0, result.output
    assert asked == ["htdemucs_ft"]
    assert "It was only halved." in result.stderr


def test_one_bad_song_does_not_stop_the_others(song: Path, tmp_path: Path, asked: list[str]) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("no music")
    result = run(bad, song, "-o", tmp_path / "stems", "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert document["separated"] == 1
    assert [outcome.get("code") for outcome in document["files"]] == ["invalid_audio", None]
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == [
        f"{song.stem} - accompaniment.wav",
        f"{song.stem} - vocals.wav",
    ]


def test_nothing_is_overwritten_unless_asked(song: Path, tmp_path: Path, asked: list[str]) -> None:
    folder = tmp_path / "stems"
    assert run(song, "-o", folder).exit_code == 0
    again = run(song, "-o", folder)
    assert again.exit_code == 3
    assert "--force" in again.stderr
    assert run(song, "-o", folder, "--force").exit_code == 0


def test_songs_of_one_name_are_refused(song: Path, tmp_path: Path, asked: list[str]) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / song.name
    twin.write_bytes(song.read_bytes())
    result = run(song, twin, "-o", tmp_path / "stems")
    assert result.exit_code == 3
    assert not (tmp_path / "stems").exists()


@pytest.mark.parametrize("arguments", [("--format", "exe"), ("--model", "nonsense")])
def test_unknown_choices_name_the_known_ones(song: Path, tmp_path: Path, arguments: tuple[str, str]) -> None:
    result = run(song, "-o", tmp_path / "stems", *arguments)
    assert result.exit_code == 3
    assert "flac" in result.stderr or "spleeter" in result.stderr


def test_an_output_that_is_a_file_is_refused(song: Path, asked: list[str]) -> None:
    result = run(song, "-o", song)
    assert result.exit_code == 3
    assert "folder" in result.stderr
