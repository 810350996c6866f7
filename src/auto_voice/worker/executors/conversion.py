"""A song in another voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.jobs.job import Job
from auto_voice.progress import ProgressCallback
from auto_voice.provenance import Origin, sidecar_of, write_signed
from auto_voice.worker.context import WorkerContext
from auto_voice.worker.result_files import described


class ConversionExecutor:
    """Runs the singing conversion pipeline; keeps the song and, with `return_stems`, its parts, each signed."""

    def __init__(self, context: WorkerContext) -> None:
        self._settings = context.settings
        self._paths = context.paths
        self._pipeline = SingingConversionPipeline(context.settings, runtime=context.runtime)

    def run(self, job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        """Convert the song; raises as `SingingConversionPipeline.convert_song`."""
        wanted = job.parameters
        result = self._pipeline.convert_song(
            self._paths.job_input(job.job_id),
            wanted["profile_id"],
            vocal_volume=wanted["vocal_volume"],
            instrumental_volume=wanted["instrumental_volume"],
            pitch_shift=wanted["pitch_shift"],
            preset=wanted["preset"],
            progress_callback=progress,
            return_stems=wanted["return_stems"],
            user_id=wanted["user_id"],
            # An attempt that follows another one goes on from the stages that are done.
            use_cache=wanted["use_cache"] or job.attempt > 1,
        )
        suffix = wanted["output_format"]
        sounds = {"converted": result.mixed_audio}
        if result.stems is not None:
            sounds |= {"vocals": result.stems.vocals, "instrumental": result.stems.accompaniment}
        origin = Origin(kind=job.kind, job=job.job_id, profile=wanted["profile_id"])
        files: list[Path] = []
        for name, sound in sounds.items():
            file = folder / f"{name}.{suffix}"
            write_signed(file, sound, origin, self._settings)
            files += [file, sidecar_of(file)]
        return {
            "attempt": job.attempt,
            "files": {file.name: described(file) for file in files},
            "metadata": {**result.metadata, "format": suffix},
            "quality_metrics": result.quality_metrics,
            "warnings": result.warnings,
            "stage_seconds": result.stage_seconds,
        }
