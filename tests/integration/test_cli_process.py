"""The commands of the runbook and the README as real processes, with real engines on real recordings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from auto_voice import audio

pytestmark = [pytest.mark.models, pytest.mark.real_audio]

SECONDS = 8


def run(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "auto_voice.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_cloned_voice_sings_a_song(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path / "data"))
    recordings = sorted((real_data / "speech" / "librispeech-test-other" / "1998").glob("*.flac"))
    voice, mix = tmp_path / "my_voice.wav", tmp_path / "song.flac"
    speech = [soundfile.read(path)[0] for path in recordings]
    soundfile.write(voice, [sample for part in speech for sample in part][: 40 * 16000], 16000)
    start = 12 * 44100
    song, rate = soundfile.read(real_data / "songs" / "lithium" / "mix.flac", start=start, frames=SECONDS * 44100)
    soundfile.write(mix, song, rate)

    profile = json.loads(
        run("voice-clone", "--audio", voice, "--user-id", "user123", "--name", "My Singing Voice", "--json")
    )
    assert (profile["profile_name"], profile["user_id"]) == ("My Singing Voice", "user123")

    document = json.loads(run("convert", mix, "--voice", "My Singing Voice", "-o", tmp_path / "mine.wav", "--json"))
    entry = document["files"][0]
    converted = audio.decode(tmp_path / "mine.wav")
    assert (converted.sample_rate, converted.samples.shape) == (rate, song.T.shape)
    assert audio.true_peak(converted) <= -0.9
    scores = entry["quality_metrics"]
    assert scores["speaker_similarity"]["cosine_similarity"] > scores["speaker_similarity"]["original_similarity"]
    assert scores["pitch_accuracy"]["rpa50"] > 0.8
