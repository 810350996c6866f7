"""Stand-ins for the networks that cloning listens with, for recordings made of tones."""

from __future__ import annotations

import numpy as np

from auto_voice.audio import Audio
from auto_voice.features import Progress, no_progress
from auto_voice.inference.recordings.speech_activity import WINDOW, SpeechActivity

RATE = 16_000


class TonalDetector:
    """Calls a window speech when its energy lies in few frequencies."""

    def __init__(self, runtime: object) -> None:
        pass

    def detect(self, recording: Audio, progress: Progress = no_progress) -> SpeechActivity:
        window = WINDOW * recording.sample_rate // RATE
        samples = recording.mono()
        frames = np.pad(samples, (0, -samples.size % window)).reshape(-1, window)
        power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2 + 1e-12
        strongest = np.sort(power, axis=1)[:, -24:].sum(axis=1) / power.sum(axis=1)
        progress(1.0)
        return SpeechActivity(probability=((strongest > 0.7) & (power.sum(axis=1) > 1e-3)).astype(np.float32))


class SpectrumSpeaker:
    """Knows a voice by its long-term spectrum."""

    def __init__(self, runtime: object) -> None:
        pass

    def embed(self, audio: Audio) -> np.ndarray:
        samples = audio.mono()
        frames = samples[: samples.size // 512 * 512].reshape(-1, 512)
        spectrum = np.abs(np.fft.rfft(frames, axis=1)).mean(axis=0)[:256].astype(np.float32)
        return spectrum / np.linalg.norm(spectrum)

    def split_half_similarity(self, audio: Audio) -> float:
        one, other = np.array_split(audio.samples, 2, axis=1)
        return float(self.embed(Audio(one, RATE)) @ self.embed(Audio(other, RATE)))
