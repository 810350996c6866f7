"""A voice learnt by a worker: once for each order, however often the work is done."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auto_voice import plugins
from auto_voice.config import Settings
from auto_voice.errors import AudioTooShortError, CancelledError
from auto_voice.inference import voice_cloner
from auto_voice.inference.pipeline import engines
from auto_voice.jobs.job import Job
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import ProfileStore, VoiceProfile
from auto_voice.storage.paths import Paths
from auto_voice.worker.context import WorkerContext
from auto_voice.worker.executors.clone import STAGE, CloneExecutor
from simple_engines import RATE, LevelContent, MiddleSeparator, SpectralPeakPitch, TurningConverter, voice
from simple_hearing import SpectrumSpeaker, TonalDetector

VOICE = "0b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e"
CONSENT = {"confirmed_by": "ada", "confirmed_at": "2026-01-02T03:04:05Z", "sample_sha256": "ab" * 32}


@pytest.fixture
def context(settings: Settings, runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch) -> WorkerContext:
    made = {"separators": MiddleSeparator, "pitch": SpectralPeakPitch, "converters": TurningConverter}
    monkeypatch.setattr(plugins, "create", lambda group, *rest: made[group]())
    monkeypatch.setattr(engines, "_content", lambda runtime: LevelContent())
    monkeypatch.setattr(voice_cloner, "SpeechActivityDetector", TonalDetector)
    monkeypatch.setattr(voice_cloner, "SpeakerEncoder", SpectrumSpeaker)
    shorter = settings.limits.model_copy(update={"min_profile_duration_s": 6.0})
    settings = settings.model_copy(update={"limits": shorter})
    return WorkerContext(settings=settings, paths=Paths(settings), runtime=runtime, profiles=ProfileStore(settings))


def ordered(context: WorkerContext, job: Job, seconds: list[float], **asked: object) -> Job:
    """A job with recordings of that length in its folder."""
    context.paths.job_dir(job.job_id).mkdir(parents=True)
    for number, length in enumerate(seconds):
        soundfile.write(context.paths.job_input(job.job_id, number), recording(length), RATE, format="WAV")
    usual = {
        "profile_id": VOICE,
        "profile_name": "Ada",
        "description": "low",
        "inputs": len(seconds),
        "from_song": False,
        "consent": None,
    }
    return dataclasses.replace(job, parameters={**usual, **asked})


def recording(seconds: float) -> np.ndarray:
    """Somebody singing a little above the noise, resting for the last of every four seconds."""
    sung = voice(seconds, 200)
    sung += 0.01 * sung * np.sin(2 * np.pi * 6500 * np.arange(sung.size) / RATE)
    sung[np.arange(sung.size) % (4 * RATE) >= 3 * RATE] = 0
    return sung + (0.001 * np.random.default_rng(0).standard_normal(sung.size)).astype(np.float32)


@pytest.fixture
def job() -> Job:
    return Job(
        job_id="conv-00000000-0000-4000-8000-000000000000",
        kind="clone",
        lane="interactive",
        owner="ada",
        priority=0,
        state="processing",
        progress=0.0,
        stage=None,
        parameters={},
        input_hash=None,
        profile_id=None,
        work_seconds=None,
        attempt=1,
        losses=0,
        worker_id="worker",
        lease_until=None,
        listener_until=None,
        error=None,
        result=None,
        history=[],
        request_id=None,
        created_at=0.0,
        queued_at=0.0,
        started_at=None,
        attempt_at=None,
        finished_at=None,
        files_expired=False,
    )


def test_the_result_is_the_profile(context: WorkerContext, job: Job, tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []
    asked = ordered(context, job, [6.0, 6.0], consent=CONSENT)
    result = CloneExecutor(context).run(asked, tmp_path, lambda percent, stage: seen.append((percent, stage)))

    profile = context.profiles.get(VOICE)
    assert VoiceProfile.model_validate(result) == profile
    assert (profile.user_id, profile.profile_name, profile.description) == ("ada", "Ada", "low")
    assert profile.audio_info.recordings == 2
    assert profile.consent is not None
    assert profile.consent.model_dump(mode="json") == CONSENT
    assert seen == sorted(seen)
    assert seen[-1] == (100.0, STAGE)


def test_the_attempt_after_a_lost_one_finds_the_voice(context: WorkerContext, job: Job, tmp_path: Path) -> None:
    """The first worker stored the voice and died before it could say so."""
    asked = ordered(context, job, [12.0])
    first = CloneExecutor(context).run(asked, tmp_path, lambda percent, stage: None)
    worked: list[float] = []
    second = CloneExecutor(context).run(asked, tmp_path, lambda percent, stage: worked.append(percent))
    assert second == first
    assert worked == []
    assert context.profiles.count() == 1


def test_what_cannot_be_learnt_leaves_nothing(context: WorkerContext, job: Job, tmp_path: Path) -> None:
    with pytest.raises(AudioTooShortError, match="needs at least 6 s"):
        CloneExecutor(context).run(ordered(context, job, [2.0]), tmp_path, lambda percent, stage: None)
    assert context.profiles.count() == 0


def test_a_cancelled_order_leaves_nothing(context: WorkerContext, job: Job, tmp_path: Path) -> None:
    def cancel(percent: float, stage: str) -> None:
        if percent >= 95:
            raise CancelledError

    with pytest.raises(CancelledError):
        CloneExecutor(context).run(ordered(context, job, [12.0]), tmp_path, cancel)
    assert context.profiles.count() == 0
