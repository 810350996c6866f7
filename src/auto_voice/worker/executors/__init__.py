"""What each kind of job does: one file for each, known here by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from auto_voice.jobs.job import Job, Kind
from auto_voice.progress import ProgressCallback
from auto_voice.worker.context import WorkerContext
from auto_voice.worker.executors.adaptation import AdaptationExecutor
from auto_voice.worker.executors.analysis import AnalysisExecutor
from auto_voice.worker.executors.clone import CloneExecutor
from auto_voice.worker.executors.conversion import ConversionExecutor
from auto_voice.worker.executors.speech import SpeechExecutor


class Executor(Protocol):
    """Does the jobs of one kind. One serves a whole worker, several threads at once."""

    def run(self, job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        """Do the job.

        Args:
            job: its parameters are those of its kind; its uploads are at `Paths.job_input`.
            folder: for what is made; it exists, is this attempt's alone, and goes when the attempt fails.
            progress: to be called with the percentage of the job and the stage's name, about once a second and
                whenever a stage begins; what it raises ends the work and must not be caught.

        Returns:
            The job's result, for JSON. Every file that it names is whole and on the disk.

        Raises:
            AutoVoiceError: becomes the job's error.
        """


EXECUTORS: Mapping[Kind, Callable[[WorkerContext], Executor]] = {
    "conversion": ConversionExecutor,
    "speech": SpeechExecutor,
    "stream": SpeechExecutor,
    "clone": CloneExecutor,
    "adaptation": AdaptationExecutor,
    "analysis": AnalysisExecutor,
}
