"""The converter fitted to a voice by a worker: for its owner, and as often as it is asked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from auto_voice import plugins
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, InvalidParametersError, ProfileNotFoundError
from auto_voice.inference.pipeline import engines
from auto_voice.jobs.job import Job
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import ProfileStore, VoiceProfile
from auto_voice.storage.paths import Paths
from auto_voice.worker.context import WorkerContext
from auto_voice.worker.executors.adaptation import STAGE, AdaptationExecutor
from simple_engines import (
    FittedConverter,
    LevelContent,
    MiddleSeparator,
    SpectralPeakPitch,
    TurningConverter,
    make_profile,
)


@pytest.fixture
def made() -> dict[str, type]:
    """The engines, by their group."""
    return {"separators": MiddleSeparator, "pitch": SpectralPeakPitch, "converters": FittedConverter}


@pytest.fixture
def context(
    settings: Settings, runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch, made: dict[str, type]
) -> WorkerContext:
    monkeypatch.setattr(plugins, "create", lambda group, *rest: made[group]())
    monkeypatch.setattr(engines, "_content", lambda runtime: LevelContent())
    return WorkerContext(settings=settings, paths=Paths(settings), runtime=runtime, profiles=ProfileStore(settings))


@pytest.fixture
def profile(settings: Settings) -> VoiceProfile:
    return make_profile(settings, "Ada", "ada", fitted={"gain": np.array([-0.5], np.float32)})


@pytest.fixture
def job(profile: VoiceProfile) -> Job:
    return Job(
        job_id="conv-00000000-0000-4000-8000-000000000000",
        kind="adaptation",
        lane="batch",
        owner="ada",
        priority=0,
        state="processing",
        progress=0.0,
        stage=None,
        parameters={"profile_id": profile.profile_id},
        input_hash=None,
        profile_id=profile.profile_id,
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


def test_the_voice_is_adapted_and_the_result_says_what_came_of_it(
    context: WorkerContext, job: Job, profile: VoiceProfile, tmp_path: Path
) -> None:
    previews = context.paths.profile_previews(profile.profile_id)
    previews[0].write_bytes(b"how it sounded before")
    seen: list[tuple[float, str]] = []
    result = AdaptationExecutor(context).run(job, tmp_path, lambda percent, stage: seen.append((percent, stage)))

    adapted = context.profiles.get(profile.profile_id)
    assert adapted.adaptation is not None
    assert result["metadata"]["adaptation"] == adapted.adaptation.model_dump(mode="json")
    assert context.profiles.load_voice_state(profile.profile_id, "fitted")["gain"] == [-1.0]
    assert not any(path.exists() for path in previews)
    assert seen == sorted(seen)
    assert seen[-1] == (100.0, STAGE)


def test_another_owners_voice_is_not_found(context: WorkerContext, job: Job, tmp_path: Path) -> None:
    with pytest.raises(ProfileNotFoundError):
        AdaptationExecutor(context).run(dataclasses.replace(job, owner="eve"), tmp_path, lambda percent, stage: None)


def test_a_converter_that_cannot_be_adapted_says_what_to_do(
    context: WorkerContext, made: dict[str, type], job: Job, tmp_path: Path
) -> None:
    made["converters"] = TurningConverter
    with pytest.raises(InvalidParametersError) as caught:
        AdaptationExecutor(context).run(job, tmp_path, lambda percent, stage: None)
    assert caught.value.suggestions


def test_a_cancelled_adaptation_leaves_the_voice_as_it_was(
    context: WorkerContext, job: Job, profile: VoiceProfile, tmp_path: Path
) -> None:
    def cancel(percent: float, stage: str) -> None:
        if percent > 50:
            raise CancelledError

    with pytest.raises(CancelledError):
        AdaptationExecutor(context).run(job, tmp_path, cancel)
    assert context.profiles.get(profile.profile_id) == profile
