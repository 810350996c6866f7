"""Features of a recording: where somebody speaks, and the melody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_voice import plugins
from auto_voice.atomic_file import atomic_write
from auto_voice.audio import decode, probe
from auto_voice.inference.recordings.analysis import CLEANING, RecordingAnalyser
from auto_voice.inference.recordings.speech_activity import SpeechActivityDetector
from auto_voice.parameters import MIN_RECORDING_SECONDS, song_limits
from auto_voice.worker.result_files import described

if TYPE_CHECKING:
    from auto_voice.jobs.job import Job
    from auto_voice.progress import ProgressCallback
    from auto_voice.worker.context import WorkerContext

STAGE = "audio_analysis"
FILE = "analysis.json"


class AnalysisExecutor:
    """Analyses recordings. The features lie in a file of the attempt: a contour is too long for the table."""

    def __init__(self, context: WorkerContext) -> None:
        self._settings = context.settings
        self._paths = context.paths
        chosen = self._settings.quality.presets[self._settings.quality.default_preset]
        pitch = plugins.create("pitch", chosen.pitch_engine, self._settings, context.runtime)
        self._analyser = RecordingAnalyser(SpeechActivityDetector(context.runtime), pitch)

    def run(self, job: Job, folder: Path, progress: ProgressCallback) -> dict[str, Any]:
        """Write `analysis.json`: `metadata` of the recording and its `features`.

        Raises:
            InvalidAudioError, AudioTooShortError, FileTooLargeError: the recording cannot be used.
            ModelLoadError: a model is not installed.
            StorageError: the result cannot be written.
        """
        asked = job.parameters
        source = self._paths.job_input(job.job_id)
        limits = song_limits(self._settings, min_seconds=MIN_RECORDING_SECONDS)
        info = probe(source, limits)
        features = self._analyser.analyse(
            decode(source, limits),
            vad=asked["enable_vad"],
            pitch=asked["enable_pitch_extraction"],
            denoise=asked["enable_denoising"],
            progress=lambda fraction: progress(100.0 * fraction, STAGE),
        )
        metadata = {
            "duration_seconds": round(info.duration_seconds, 3),
            "sample_rate": info.sample_rate,
            "channels": info.channels,
            "format": info.format,
            "file_size_bytes": info.file_size_bytes,
            "denoising": CLEANING if asked["enable_denoising"] else None,
        }
        content = json.dumps({"metadata": metadata, "features": features}, allow_nan=False).encode()
        with atomic_write(folder / FILE) as file:
            file.write(content)
        return {"attempt": job.attempt, "files": {FILE: described(folder / FILE)}}
