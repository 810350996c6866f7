"""Ctrl-C, with a real process and a real signal, in the middle of a conversion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auto_voice.config import load_settings
from simple_engines import make_profile, song, wav

# The command line as it is, with engines that need no weights; the converter works until it is interrupted.
PROGRAM = """
import itertools
import signal
from simple_engines import LevelContent, MiddleSeparator, SpectralPeakPitch, TurningConverter
import auto_voice.cli.convert as command
from auto_voice.cli import main
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline

class Endless(TurningConverter):
    def convert(self, vocals, contour, content, voice, semitones=0.0, progress=None):
        for step in itertools.count():
            progress(1 - 1 / (1 + step / 1e5))

command._make_pipeline = lambda settings: SingingConversionPipeline(
    settings, separator=MiddleSeparator(), pitch=SpectralPeakPitch(), content=LevelContent(), converter=Endless()
)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C, and so would we
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_conversion_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    make_profile(load_settings(environment=os.environ))
    music = tmp_path / "music"
    music.mkdir()
    (music / "song.wav").write_bytes(wav(song(2.0)))

    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "convert", str(music / "song.wav"), "--voice", "Ada", "--stems", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        seen = next(line for line in process.stderr if "voice conversion" in line)
        process.send_signal(number)
        output, messages = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == code, (seen, messages)
    assert [path.name for path in music.iterdir()] == ["song.wav"]
    leftovers = [path for path in tmp_path.rglob("*") if path.name.startswith(".tmp") or path.suffix == ".part"]
    assert leftovers == []
    assert "Traceback" not in messages
    if number == signal.SIGINT:
        assert json.loads(output)["code"] == "cancelled"
