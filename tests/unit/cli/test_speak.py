"""`autovoice speak`: where the text comes from, where the sound goes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from auto_voice.audio import Audio
from auto_voice.cli import autovoice

SAID: list[tuple[str, Any]] = []


def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(autovoice, ["speak", *(str(argument) for argument in arguments)], input=stdin)


@pytest.fixture(autouse=True)
def _humming(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine, with a synthesizer that hums."""
    SAID.clear()

    def hum(self: object, text: str, voice: str, speed: float = 1.0, pitch: float = 0.0) -> Audio:
        SAID.append((text, (voice, speed, pitch)))
        return Audio((0.1 * np.sin(np.arange(24000) * 0.05)).astype(np.float32)[None], 24000)

    monkeypatch.setattr("auto_voice.inference.synthesis.KokoroSynthesizer.synthesize_sentence", hum)
    yield


def test_text_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    result = run("It costs $5.", "--voice", "bm_lewis", "--speed", 1.5, "--pitch", -2, "-o", out)

    assert result.exit_code == 0, result.output
    assert SAID == [("It costs five dollars.", ("bm_lewis", 1.5, -2.0))]
    with soundfile.SoundFile(out) as sound:
        assert sound.samplerate == 24000
        assert sound.comment.startswith("Synthetic voice")
        assert "bm_lewis" in sound.comment
    assert "s of speech" in result.stdout


def test_text_from_a_file_and_from_a_pipe(tmp_path: Path) -> None:
    source = tmp_path / "text.txt"
    source.write_text("From a file.", encoding="utf-8")
    assert run("--file", source, "-o", tmp_path / "a.flac").exit_code == 0
    assert run("-o", tmp_path / "b.wav", stdin="From a pipe.").exit_code == 0
    assert run("--file", "-", "-o", tmp_path / "c.mp3", stdin="From a dash.").exit_code == 0
    assert [text for text, _ in SAID] == ["From a file.", "From a pipe.", "From a dash."]


def test_sound_to_a_pipe() -> None:
    result = run("First comes one sentence. Then there comes another one.", "-o", "-")
    samples, rate = soundfile.read(io.BytesIO(result.stdout_bytes))

    assert result.exit_code == 0
    assert rate == 24000
    assert len(samples) / rate > 2


def test_json(tmp_path: Path) -> None:
    result = run("Hello there.", "-o", tmp_path / "x.wav", "--json")
    document = json.loads(result.stdout)

    assert document["output"] == str(tmp_path / "x.wav")
    assert document["duration_seconds"] > 0.9
    assert document["sample_rate"] == 24000


def test_list_of_voices() -> None:
    assert len(json.loads(run("--list-voices", "--json").stdout)) == 54
    assert "bf_emma" in run("--list-voices").stdout


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    result = run("Say 你好 to everybody here.", "-o", tmp_path / "x.wav")
    assert result.exit_code == 0
    assert "Chinese letters were left out" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("",), 3, "the text is empty"),
        (("😀",), 3, "no letters or numbers"),
        (("hello", "--voice", "af_hart"), 3, "did you mean af_heart"),
        (("hello", "--speed", "9"), 3, "out of range"),
        (("hello", "--file", "x"), 2, "not both"),
        (("hello", "--voice", "af_heart", "--profile", "me"), 2, "exclude each other"),
        (("--file", "nowhere.txt"), 3, "no such file"),
        (("hello", "-o", "-", "--json"), 2, "standard output"),
        (("hello", "-o", "out.xyz"), 3, "cannot write"),
        (("hello", "-o", "no/such/folder/out.wav"), 3, "no such folder"),
    ],
)
def test_mistakes_are_explained(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)

    assert result.exit_code == code
    assert message in result.output
    assert list(tmp_path.glob("*.wav")) == []


def test_files_are_not_overwritten_unless_asked(tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    out.write_bytes(b"precious")
    refused = run("hello", "-o", out)
    assert refused.exit_code == 3
    assert out.read_bytes() == b"precious"
    assert run("hello", "-o", out, "--force").exit_code == 0
    assert out.read_bytes()[:4] == b"RIFF"


def test_a_text_that_is_not_text_is_refused(tmp_path: Path) -> None:
    result = run("-o", tmp_path / "x.wav", stdin=b"\xff\xfe\x00binary")
    assert result.exit_code == 3
    assert "not a text in UTF-8" in result.output
