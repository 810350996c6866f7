"""Engines simple enough to check by eye, and songs made for them: the voice is in the middle, the band at the sides.

They do their work honestly on such songs, count what they are asked to do, and report progress as real ones do.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.features import (
    ContentFeatures,
    PitchContour,
    Progress,
    Stems,
    VoiceState,
    no_progress,
)
from auto_voice.inference.conversion.adaptive import Adaptation, VoiceScores
from auto_voice.profiles import (
    AdaptationInfo,
    AudioInfo,
    EmbeddingInfo,
    ProfileStore,
    QualityMetrics,
    VocalRange,
    VoiceProfile,
)

RATE = 16000
HOP_SECONDS = 0.01
MELODY_HZ = 220.0


def voice(seconds: float, hz: float = MELODY_HZ, level: float = 0.2) -> np.ndarray:
    """Something sung, float32 (frames,): five harmonics with vibrato, in syllables of half a second."""
    clock = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * hz * clock + 0.5 * np.sin(2 * np.pi * 5 * clock)
    tone = sum(np.sin(phase * k) / k for k in range(1, 6))
    return (level * tone * np.sin(2 * np.pi * clock) ** 2).astype(np.float32)


def song(seconds: float = 4.0, sung: bool = True) -> Audio:
    """Stereo: the voice in the middle, and a drum, four times a second, that is opposite on the two sides."""
    frames = int(seconds * RATE)
    since_beat = np.arange(frames) / RATE % 0.25
    drum = np.random.default_rng(1).standard_normal(frames) * np.exp(-20 * since_beat)
    band = (0.1 * drum).astype(np.float32)
    middle = voice(seconds) if sung else np.zeros(frames, np.float32)
    return Audio(np.stack([middle + band, middle - band]), RATE)


def wav(audio: Audio) -> bytes:
    """The bytes of a float WAV."""
    buffer = io.BytesIO()
    soundfile.write(buffer, audio.samples.T, audio.sample_rate, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


class Counted:
    """Counts how often an engine works."""

    def __init__(self) -> None:
        self.calls = 0


class MiddleSeparator(Counted):
    """What both channels share is the voice."""

    name = "middle"

    def separate(self, mix: Audio, progress: Progress = no_progress) -> Stems:
        self.calls += 1
        for step in range(5):
            progress(step / 5)
        middle = np.repeat(mix.samples.mean(axis=0, keepdims=True), mix.channels, axis=0)
        return Stems(
            vocals=Audio(middle, mix.sample_rate),
            accompaniment=Audio(mix.samples - middle, mix.sample_rate),
            model=self.name,
        )


class SpectralPeakPitch(Counted):
    """The strongest frequency between 80 and 800 Hz, where there is any sound."""

    name = "peak"

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        self.calls += 1
        progress(0.0)
        samples, hop = vocals.mono(), int(HOP_SECONDS * vocals.sample_rate)
        window = 8 * hop
        padded = np.pad(samples, (window // 2, window))
        starts = np.arange(len(samples) // hop + 1) * hop
        frames = padded[starts[:, None] + np.arange(window)] * np.hanning(window)
        spectrum = np.abs(np.fft.rfft(frames, 8 * window))
        hertz = np.fft.rfftfreq(8 * window, 1 / vocals.sample_rate)
        spectrum[:, (hertz < 80) | (hertz > 800)] = 0
        heard = np.sqrt((frames**2).mean(axis=1)) > 1e-3
        f0 = np.where(heard, hertz[spectrum.argmax(axis=1)], 0).astype(np.float32)
        progress(1.0)
        return PitchContour(f0=f0, confidence=heard.astype(np.float32), hop_seconds=HOP_SECONDS)


class LevelContent(Counted):
    """How loud each 20 ms are: the least that can be called content."""

    name = "level"

    def extract(self, speech: Audio, progress: Progress = no_progress) -> ContentFeatures:
        self.calls += 1
        progress(0.5)
        hop = speech.sample_rate // 50
        samples = np.pad(speech.mono(), (0, -speech.frames % hop)).reshape(-1, hop)
        levels = np.sqrt((samples**2).mean(axis=1)).astype(np.float16)
        return ContentFeatures(frames=levels[None, :, None], hop_seconds=0.02, model=self.name)


class TurningConverter(Counted):
    """Turns the voice's polarity and halves its level: easy to recognise, and off its level on purpose."""

    name = "turning"

    def __init__(self) -> None:
        super().__init__()
        self.learnt = 0

    def learn(self, recording: Audio, contour: PitchContour, content: ContentFeatures) -> VoiceState:
        self.learnt += 1
        return {"gain": np.array([-0.5], np.float32)}

    def fits(self, voice: VoiceState, content_model: str) -> bool:
        return "gain" in voice

    def convert(
        self,
        vocals: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        semitones: float = 0.0,
        progress: Progress = no_progress,
    ) -> Audio:
        self.calls += 1
        for step in range(10):
            progress(step / 10)
        return Audio(vocals.samples * voice["gain"][0], vocals.sample_rate)


class FittedConverter(TurningConverter):
    """A TurningConverter that fits its gain, and gets as natural as it is told."""

    name = "fitted"

    def __init__(self, naturalness: float = 3.9) -> None:
        super().__init__()
        self._naturalness = naturalness

    def adapt(
        self,
        recording: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        progress: Progress = no_progress,
    ) -> Adaptation:
        for step in range(10):
            progress(step / 10)
        before = VoiceScores(similarity=0.7, naturalness=4.2)
        after = VoiceScores(similarity=0.85, naturalness=self._naturalness)
        kept = after.total > before.total
        state = {**voice, "gain": 2 * voice["gain"]} if kept else voice
        return Adaptation(state=state, kept=kept, before=before, after=after, steps=10, seconds=0.5)


def adaptation(converter: str, *, kept: bool = True) -> AdaptationInfo:
    """What a profile says of having been adapted."""
    return AdaptationInfo(
        converter=converter,
        kept=kept,
        similarity_before=0.7,
        similarity_after=0.85,
        naturalness_before=4.2,
        naturalness_after=3.9,
        steps=110,
        seconds=180.0,
    )


def make_profile(
    settings: Settings, name: str = "Ada", user_id: str = "default", description: str = "", **known: VoiceState
) -> VoiceProfile:
    """A stored profile of a low voice; `known` is what converters have learnt of it, by their names."""
    profile = VoiceProfile(
        user_id=user_id,
        profile_name=name,
        description=description,
        audio_info=AudioInfo(
            duration_seconds=30, sample_rate=RATE, channels=1, format="wav", file_size_bytes=1, reference_seconds=4
        ),
        vocal_range=VocalRange(
            min_pitch_hz=80,
            max_pitch_hz=160,
            median_pitch_hz=105,
            min_note="E2",
            max_note="E3",
            range_semitones=12,
        ),
        quality_metrics=QualityMetrics(
            snr_db=40, quality_score=0.9, clipping_ratio=0, bandwidth_hz=8000, voice_seconds=4
        ),
        embedding_info=EmbeddingInfo(model="test", dimensions=256),
    )
    embedding = np.full(256, 1 / 16, np.float32)
    reference = Audio(voice(4.0, 105)[None], RATE)
    return ProfileStore(settings).create(profile, embedding=embedding, reference=reference, voice_states=known)
