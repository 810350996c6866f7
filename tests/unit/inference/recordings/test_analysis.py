"""What is heard in recordings in which everything to be found is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.features import Progress, no_progress
from auto_voice.inference.recordings.analysis import RecordingAnalyser
from auto_voice.inference.recordings.speech_activity import HOP_SECONDS, SpeechActivity
from simple_engines import RATE, SpectralPeakPitch, voice


class LevelDetector:
    """Calls a window speech when it is loud."""

    def detect(self, recording: Audio, progress: Progress = no_progress) -> SpeechActivity:
        samples = recording.mono()
        window = round(HOP_SECONDS * recording.sample_rate)
        level = np.abs(np.pad(samples, (0, -samples.size % window)).reshape(-1, window)).max(axis=1)
        progress(1.0)
        return SpeechActivity(probability=(level > 0.02).astype(np.float32))


@pytest.fixture
def analyser() -> RecordingAnalyser:
    return RecordingAnalyser(LevelDetector(), SpectralPeakPitch())  # type: ignore[arg-type]


def held(seconds: float, hz: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_speech_is_found_where_it_is(analyser: RecordingAnalyser) -> None:
    pause = np.zeros(RATE, np.float32)
    recording = Audio(np.concatenate([pause, held(2.0, 220), pause, held(1.0, 440)])[None], RATE)
    vad = analyser.analyse(recording, vad=True, pitch=False, denoise=False)["vad"]

    found = [(each["start_seconds"], each["end_seconds"]) for each in vad["segments"]]
    assert found == [(pytest.approx(1.0, abs=0.04), pytest.approx(3.0, abs=0.04)), (pytest.approx(4.0, abs=0.04), 5.0)]
    assert vad["speech_seconds"] == pytest.approx(3.0, abs=0.1)
    assert vad["speech_ratio"] == pytest.approx(0.6, abs=0.02)
    assert all(each["probability"] == 1.0 for each in vad["segments"])


def test_the_melody_is_described(analyser: RecordingAnalyser) -> None:
    recording = Audio(np.concatenate([held(1.0, 220), held(1.0, 440), np.zeros(2 * RATE, np.float32)])[None], RATE)
    pitch = analyser.analyse(recording, vad=False, pitch=True, denoise=False)["pitch"]

    assert pitch["model"] == "peak"
    assert len(pitch["f0_hz"]) == round(4.0 / pitch["hop_seconds"]) + 1
    assert pitch["f0_hz"][50] == pytest.approx(220, abs=2)
    assert pitch["f0_hz"][-1] == 0
    assert pitch["voiced_ratio"] == pytest.approx(0.5, abs=0.03)
    assert pitch["statistics"]["min_note"] == "A3"
    assert pitch["statistics"]["max_note"] == "A4"
    assert pitch["statistics"]["deviation_semitones"] == pytest.approx(6.0, abs=0.3)


def test_silence_has_no_statistics(analyser: RecordingAnalyser) -> None:
    features = analyser.analyse(Audio(np.zeros((2, RATE), np.float32), RATE), vad=True, pitch=True, denoise=True)
    assert features["vad"]["segments"] == []
    assert features["vad"]["speech_ratio"] == 0
    assert features["pitch"]["statistics"] is None
    assert features["pitch"]["voiced_seconds"] == 0


def test_rumble_is_taken_out_only_when_asked(analyser: RecordingAnalyser) -> None:
    """The detector calls everything loud speech, rumble too."""
    recording = Audio(held(2.0, 20)[None], RATE)
    raw = analyser.analyse(recording, vad=True, pitch=False, denoise=False)["vad"]
    cleaned = analyser.analyse(recording, vad=True, pitch=False, denoise=True)["vad"]
    assert raw["speech_ratio"] == 1.0
    assert cleaned["speech_ratio"] < raw["speech_ratio"]


def test_what_is_not_asked_for_is_not_made(analyser: RecordingAnalyser) -> None:
    recording = Audio(voice(1.0)[None], RATE)
    assert analyser.analyse(recording, vad=False, pitch=False, denoise=False) == {"vad": None, "pitch": None}


def test_it_is_plain_json_and_progress_rises(analyser: RecordingAnalyser) -> None:
    seen: list[float] = []
    recording = Audio(np.stack([voice(2.0), np.zeros(2 * RATE, np.float32)]), RATE)
    features = analyser.analyse(recording, vad=True, pitch=True, denoise=True, progress=seen.append)
    assert json.loads(json.dumps(features, allow_nan=False)) == features
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
