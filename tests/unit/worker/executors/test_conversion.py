"""A song's job makes the files it names, signed, and goes on from what an earlier attempt has done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from auto_voice.audio import decode
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, ProfileNotFoundError
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.jobs.job import Job
from auto_voice.profiles import VoiceProfile
from auto_voice.provenance import public_key, verify
from auto_voice.storage.paths import Paths
from auto_voice.worker.context import make_context
from auto_voice.worker.executors import conversion
from auto_voice.worker.executors.conversion import ConversionExecutor
from auto_voice.worker.result_files import attempt_folder
from simple_engines import LevelContent, MiddleSeparator, SpectralPeakPitch, TurningConverter, make_profile, song, wav

JOB_ID = "conv-00000000-0000-4000-8000-000000000001"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def separator() -> MiddleSeparator:
    return MiddleSeparator()


@pytest.fixture
def profile(settings: Settings) -> VoiceProfile:
    return make_profile(settings, user_id="ann")


@pytest.fixture
def run(settings: Settings, profile: VoiceProfile, separator: MiddleSeparator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a job of a two-second song; parameters may be changed."""
    engines = {"pitch": SpectralPeakPitch(), "content": LevelContent(), "converter": TurningConverter()}
    pipeline = partial(SingingConversionPipeline, separator=separator, **engines)
    monkeypatch.setattr(conversion, "SingingConversionPipeline", pipeline)
    executor = ConversionExecutor(make_context(settings))
    paths = Paths(settings)
    paths.job_dir(JOB_ID).mkdir(parents=True)
    paths.job_input(JOB_ID).write_bytes(wav(song(2.0)))

    def run(attempt: int = 1, progress: Callable[[float, str], None] = lambda *_: None, **changes: Any) -> Any:
        return executor.run(
            job(profile, attempt, changes), attempt_folder(paths.attempt_dir(JOB_ID, attempt)), progress
        )

    return run


def job(profile: VoiceProfile, attempt: int, changes: dict[str, Any]) -> Job:
    wanted = {
        "profile_id": profile.profile_id,
        "vocal_volume": 1.0,
        "instrumental_volume": 0.9,
        "pitch_shift": 0.0,
        "preset": None,
        "return_stems": False,
        "use_cache": True,
        "output_format": "wav",
        "song_name": "song.wav",
        "user_id": "ann",
    }
    unset = dict.fromkeys(field for field in Job.__dataclass_fields__)
    known = {"job_id": JOB_ID, "kind": "conversion", "attempt": attempt, "parameters": {**wanted, **changes}}
    return Job(**{**unset, **known})  # type: ignore[arg-type]


def folder(settings: Settings, attempt: int = 1) -> Path:
    return Paths(settings).attempt_dir(JOB_ID, attempt)


def test_the_result_names_the_files_that_are_there(run: Run, settings: Settings, profile: VoiceProfile) -> None:
    result = run()

    assert sorted(result["files"]) == sorted(each.name for each in folder(settings).iterdir())
    content = (folder(settings) / "converted.wav").read_bytes()
    assert result["files"]["converted.wav"] == {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "mime": "audio/wav",
    }
    assert result["attempt"] == 1
    assert result["metadata"]["format"] == "wav"
    assert result["metadata"]["profile_id"] == profile.profile_id
    assert set(result["stage_seconds"]) == {
        "source_separation",
        "pitch_extraction",
        "voice_conversion",
        "audio_mixing",
    }
    assert decode(folder(settings) / "converted.wav").duration == 2.0


@pytest.mark.parametrize("output_format", ["wav", "flac", "mp3", "ogg", "opus"])
def test_stems_and_mix_are_signed_in_every_format(run: Run, settings: Settings, output_format: str) -> None:
    result = run(return_stems=True, output_format=output_format)

    names = [f"{name}.{output_format}" for name in ("converted", "vocals", "instrumental")]
    assert [name for name in result["files"] if not name.endswith(".json")] == names
    for name in names:
        document = verify(folder(settings) / name, public_key(settings))
        assert (document["job"], document["synthetic"]) == (JOB_ID, True)


def test_a_later_attempt_goes_on_from_what_was_done(run: Run, separator: MiddleSeparator) -> None:
    run(use_cache=False)
    run(use_cache=False)
    assert separator.calls == 2, "made anew, as asked"
    run(attempt=2, use_cache=False)
    assert separator.calls == 2


def test_another_users_voice_is_not_found(run: Run) -> None:
    with pytest.raises(ProfileNotFoundError):
        run(user_id="bob")


def test_what_the_progress_raises_ends_the_work(run: Run, settings: Settings) -> None:
    def cancelled(percent: float, stage: str) -> None:
        if stage == "voice_conversion":
            raise CancelledError

    with pytest.raises(CancelledError):
        run(progress=cancelled)
    assert list(folder(settings).iterdir()) == []
