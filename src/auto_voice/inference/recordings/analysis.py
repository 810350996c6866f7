"""What can be heard in a recording: where somebody speaks, and the melody with its statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_voice.audio import Audio
from auto_voice.features import PitchContour, Progress, no_progress, part_of
from auto_voice.inference.recordings.cleanup import best_channel, without_rumble
from auto_voice.inference.recordings.speech_activity import SpeechActivity
from auto_voice.inference.recordings.vocal_range import note_name

if TYPE_CHECKING:
    from auto_voice.inference.pitch import PitchExtractor
    from auto_voice.inference.recordings.speech_activity import SpeechActivityDetector

CLEANING = "the clearest channel, without what lies under 50 Hz"
"""What `denoise` does; hiss and music behind the voice stay."""


@dataclass(frozen=True)
class RecordingAnalyser:
    """Listens to recordings. Thread-safe."""

    detector: SpeechActivityDetector
    pitch: PitchExtractor

    def analyse(
        self, recording: Audio, *, vad: bool, pitch: bool, denoise: bool, progress: Progress = no_progress
    ) -> dict[str, Any]:
        """The features asked for, as a JSON document; None for those that were not.

        Args:
            recording: any rate and channels, a tenth of a second or more.
            vad: find speech.
            pitch: find the melody.
            denoise: clean the recording first; CLEANING says how.
            progress: called with 0–1; cancels by raising.

        Raises:
            ModelLoadError: a model is not installed.
        """
        if denoise:
            recording = without_rumble(best_channel(recording, self.detector, part_of(progress, 0.0, 0.4)))
        progress(0.4)
        speech = self.detector.detect(recording, part_of(progress, 0.4, 0.7)) if vad else None
        contour = self.pitch.extract(recording, part_of(progress, 0.7, 1.0)) if pitch else None
        progress(1.0)
        return {
            "vad": None if speech is None else _speech(speech, recording.duration),
            "pitch": None if contour is None else {"model": self.pitch.name, **_melody(contour)},
        }


def _speech(activity: SpeechActivity, duration: float) -> dict[str, Any]:
    """Stretches of speech in seconds, each with its mean probability."""
    edges = np.flatnonzero(np.diff(activity.active, prepend=False, append=False)).reshape(-1, 2)
    hop = activity.hop_seconds
    segments = [
        {
            "start_seconds": round(begin * hop, 3),
            "end_seconds": round(min(end * hop, duration), 3),
            "probability": round(float(activity.probability[begin:end].mean()), 3),
        }
        for begin, end in edges.tolist()
    ]
    spoken = sum(each["end_seconds"] - each["start_seconds"] for each in segments)
    return {
        "model": "silero-vad",
        "resolution_seconds": hop,
        "segments": segments,
        "speech_seconds": round(spoken, 3),
        "speech_ratio": round(spoken / duration, 4),
    }


def _melody(contour: PitchContour) -> dict[str, Any]:
    """The contour, 0 Hz where there is no voice, and what describes it; no statistics of what has no pitch."""
    voiced = contour.f0[contour.voiced].astype(np.float64)
    statistics = None
    if voiced.size:
        low, median, high = float(voiced.min()), float(np.median(voiced)), float(voiced.max())
        statistics = {
            "min_hz": round(low, 1),
            "median_hz": round(median, 1),
            "mean_hz": round(float(voiced.mean()), 1),
            "max_hz": round(high, 1),
            "min_note": note_name(low),
            "median_note": note_name(median),
            "max_note": note_name(high),
            "deviation_semitones": round(float(12 * np.log2(voiced).std()), 2),
        }
    return {
        "hop_seconds": contour.hop_seconds,
        "f0_hz": [round(hertz, 1) for hertz in contour.f0.tolist()],
        "voiced_seconds": round(voiced.size * contour.hop_seconds, 3),
        "voiced_ratio": round(voiced.size / max(contour.f0.size, 1), 4),
        "statistics": statistics,
    }
