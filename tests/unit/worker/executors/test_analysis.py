"""The features of a recording, with the real speech detector and pitch tracker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import hostile_audio
from auto_voice.config import Settings
from auto_voice.errors import AudioTooShortError, CancelledError, InvalidAudioError
from auto_voice.jobs.job import Job
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import ProfileStore
from auto_voice.storage.paths import Paths
from auto_voice.worker.context import WorkerContext
from auto_voice.worker.executors.analysis import FILE, STAGE, AnalysisExecutor
from vowels import sung_vowel

pytestmark = pytest.mark.models
EVERYTHING = {"enable_vad": True, "enable_denoising": True, "enable_pitch_extraction": True}


@pytest.fixture
def context(settings: Settings, runtime: ModelRuntime) -> WorkerContext:
    return WorkerContext(settings=settings, paths=Paths(settings), runtime=runtime, profiles=ProfileStore(settings))


def ordered(context: WorkerContext, make: Callable[[Path], Path], folder: Path, **asked: bool) -> Job:
    """A job of a recording that lies where uploads lie."""
    unused = dict.fromkeys(Job.__dataclass_fields__)
    known = {"job_id": "conv-00000000-0000-4000-8000-000000000000", "kind": "analysis", "attempt": 1}
    job = Job(**(unused | known | {"parameters": EVERYTHING | asked}))  # type: ignore[arg-type]
    context.paths.job_dir(job.job_id).mkdir(parents=True)
    make(folder).rename(context.paths.job_input(job.job_id))
    return job


def held_vowel(folder: Path) -> Path:
    """A second of silence, two of a sung vowel at 220 Hz, a second of silence; on the left channel only."""
    pause = np.zeros(16000, np.float32)
    left = np.concatenate([pause, sung_vowel("a", 220.0, 2.0), pause])
    soundfile.write(folder / "a.flac", np.stack([left, np.zeros_like(left)], axis=1), 16000)
    return folder / "a.flac"


def ignore(percent: float, stage: str) -> None:
    """Progress that nobody looks at."""


def test_the_features_lie_in_a_file_of_the_attempt(context: WorkerContext, tmp_path: Path) -> None:
    job, seen = ordered(context, held_vowel, tmp_path), []
    result = AnalysisExecutor(context).run(job, tmp_path, lambda percent, stage: seen.append((percent, stage)))

    assert result["attempt"] == 1
    assert result["files"][FILE]["size"] == (tmp_path / FILE).stat().st_size
    assert seen == sorted(seen)
    assert seen[-1] == (100.0, STAGE)
    told = json.loads((tmp_path / FILE).read_text())
    assert told["metadata"] | {"file_size_bytes": 0} == {
        "duration_seconds": 4.0,
        "sample_rate": 16000,
        "channels": 2,
        "format": "flac",
        "file_size_bytes": 0,
        "denoising": "the clearest channel, without what lies under 50 Hz",
    }
    assert told["features"]["pitch"]["model"] == "swiftf0"
    assert told["features"]["pitch"]["statistics"]["median_hz"] == pytest.approx(220, rel=0.02)
    assert told["features"]["pitch"]["voiced_seconds"] == pytest.approx(2.0, abs=0.2)
    assert 0 <= told["features"]["vad"]["speech_ratio"] <= 0.6


def test_only_what_is_asked_for(context: WorkerContext, tmp_path: Path) -> None:
    job = ordered(context, held_vowel, tmp_path, enable_pitch_extraction=False, enable_denoising=False)
    AnalysisExecutor(context).run(job, tmp_path, ignore)
    told = json.loads((tmp_path / FILE).read_text())
    assert told["features"]["pitch"] is None
    assert told["metadata"]["denoising"] is None


@pytest.mark.parametrize("name", ["8 kHz mono", "5.1", "192 kHz", "webm opus"])
def test_any_good_recording_is_heard(context: WorkerContext, tmp_path: Path, name: str) -> None:
    AnalysisExecutor(context).run(ordered(context, hostile_audio.GOOD[name].make, tmp_path), tmp_path, ignore)
    told = json.loads((tmp_path / FILE).read_text())
    assert told["metadata"]["duration_seconds"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("make", [hostile_audio.quiet, hostile_audio.clipped, hostile_audio.short])
def test_nothing_is_judged(context: WorkerContext, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """Silence and overdrive have features, too."""
    AnalysisExecutor(context).run(ordered(context, make, tmp_path), tmp_path, ignore)
    assert (tmp_path / FILE).is_file()


@pytest.mark.parametrize("name", ["NaN", "cut flac", "empty"])
def test_what_is_no_audio_is_refused(context: WorkerContext, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidAudioError):
        AnalysisExecutor(context).run(ordered(context, hostile_audio.BAD[name].make, tmp_path), tmp_path, ignore)
    assert not (tmp_path / FILE).exists()


def test_a_click_is_too_short(context: WorkerContext, tmp_path: Path) -> None:
    def click(folder: Path) -> Path:
        soundfile.write(folder / "click.wav", np.ones(9, "f4"), 16000)
        return folder / "click.wav"

    with pytest.raises(AudioTooShortError):
        AnalysisExecutor(context).run(ordered(context, click, tmp_path), tmp_path, ignore)


def test_it_can_be_cancelled(context: WorkerContext, tmp_path: Path) -> None:
    def cancel(percent: float, stage: str) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        AnalysisExecutor(context).run(ordered(context, held_vowel, tmp_path), tmp_path, cancel)
