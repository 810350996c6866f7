"""A text spoken into a file that can be heard while it grows; for streams and for long texts alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auto_voice.audio.streaming import StreamEncoder
from auto_voice.inference.engine import TTSEngine
from auto_voice.inference.speech.text.sentences import pieces
from auto_voice.jobs.job import Job
from auto_voice.progress import ProgressCallback
from auto_voice.provenance import Origin, sidecar_of, sign, tags
from auto_voice.worker.context import WorkerContext
from auto_voice.worker.result_files import described

STAGE = "speech_synthesis"


class SpeechExecutor:
    """Speaks texts. Each sentence is in the file as soon as it is spoken: whoever streams reads it there."""

    def __init__(self, context: WorkerContext) -> None:
        self._settings = context.settings
        self._engine = TTSEngine(context.settings, runtime=context.runtime)

    def run(self, job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        """Write `speech.<format>`, and the signed document that says where it came from.

        Args:
            job: its parameters are text, voice, speed, pitch, format.
            folder: of this attempt.
            progress: told how much of the text is spoken, often; what it raises ends the work.

        Raises:
            What `TTSEngine.stream` raises, before the file is begun.
            StorageError: the disk is full.
        """
        asked = job.parameters
        warnings: list[str] = []
        watch = _Watch(progress, total=sum(1 for _ in pieces(asked["text"])))
        sentences = self._engine.stream(
            asked["text"],
            asked["voice"],
            asked["speed"],
            asked["pitch"],
            on_warning=warnings.append,
            checkpoint=watch.look,
        )
        path = folder / f"speech.{asked['format']}"
        rate, seconds = self._engine.sample_rate, 0.0
        origin = Origin(kind=job.kind, job=job.job_id, profile=asked["voice"])
        with StreamEncoder(path, rate, asked["format"], tags(origin.job, origin.profile)) as encoder:
            for audio in sentences:
                encoder.write(audio)
                seconds += audio.duration
                watch.spoken()
        sign(path, origin, self._settings)
        return {
            "attempt": job.attempt,
            "files": {file.name: described(file) for file in (path, sidecar_of(path))},
            "metadata": {
                "duration_seconds": round(seconds, 3),
                "sample_rate": rate,
                "characters": len(asked["text"]),
                "voice": asked["voice"],
            },
            "warnings": warnings,
        }


class _Watch:
    """Tells how much of the text is spoken, by its sentences."""

    def __init__(self, progress: ProgressCallback, total: int) -> None:
        self._progress = progress
        self._total = max(total, 1)
        self._done = 0

    def look(self) -> None:
        # The count is an estimate: British and American readers may cut a text at different places.
        self._progress(100.0 * min(self._done / self._total, 1.0), STAGE)

    def spoken(self) -> None:
        self._done += 1
        self.look()
