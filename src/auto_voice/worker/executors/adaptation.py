"""The converter fitted to a voice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_voice.inference.voice_cloner import VoiceCloner

if TYPE_CHECKING:
    from auto_voice.jobs.job import Job
    from auto_voice.progress import ProgressCallback
    from auto_voice.worker.context import WorkerContext

STAGE = "voice_adaptation"


class AdaptationExecutor:
    """Fits the default preset's converter to voices. An attempt after a lost one begins anew, and ends alike."""

    def __init__(self, context: WorkerContext) -> None:
        self._cloner = VoiceCloner(settings=context.settings, runtime=context.runtime)

    def run(self, job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:  # noqa: ARG002 - the voice is its only artifact
        """Fit it; what came of it is the result's `metadata`, and part of the profile.

        Raises:
            What `VoiceCloner.adapt_voice_profile` raises.
        """
        profile = self._cloner.adapt_voice_profile(
            job.parameters["profile_id"], job.owner, lambda fraction: progress(100.0 * fraction, STAGE)
        )
        return {"metadata": profile.model_dump(mode="json", include={"adaptation"})}
