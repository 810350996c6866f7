"""A voice learnt from recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_voice.errors import ProfileNotFoundError
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.profiles import Consent, VoiceProfile

if TYPE_CHECKING:
    from auto_voice.jobs.job import Job
    from auto_voice.progress import ProgressCallback
    from auto_voice.worker.context import WorkerContext

STAGE = "voice_cloning"


class CloneExecutor:
    """Makes voice profiles. The id of the new voice is part of the job, so that no attempt makes a second one."""

    def __init__(self, context: WorkerContext) -> None:
        self._paths = context.paths
        self._profiles = context.profiles
        self._cloner = VoiceCloner(settings=context.settings, runtime=context.runtime)

    def run(self, job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:  # noqa: ARG002 - the voice is its only artifact
        """Learn the voice; the result is its profile.

        Raises:
            What `VoiceCloner.create_voice_profile` raises.
        """
        asked = job.parameters
        try:
            profile = self._profiles.get(asked["profile_id"], job.owner)
        except ProfileNotFoundError:
            profile = self._learn(job, progress)
        return profile.model_dump(mode="json")

    def _learn(self, job: Job, progress: ProgressCallback) -> VoiceProfile:
        asked = job.parameters
        consent = asked["consent"]
        return self._cloner.create_voice_profile(
            [self._paths.job_input(job.job_id, number) for number in range(asked["inputs"])],
            job.owner,
            asked["profile_name"],
            asked["description"],
            separate_vocals=asked["from_song"],
            profile_id=asked["profile_id"],
            consent=None if consent is None else Consent.model_validate(consent),
            progress=lambda fraction: progress(100.0 * fraction, STAGE),
        )
