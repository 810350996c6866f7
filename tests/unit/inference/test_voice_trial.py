"""The trial that decides whether an adapted voice is kept: the reader, the listeners and the voices are simple ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import LowQualityAudioError
from auto_voice.inference.pipeline import voice_trial
from auto_voice.inference.pipeline.voice_trial import SENTENCES, WORST, VoiceTrial
from auto_voice.inference.synthesis import Prosody
from auto_voice.models.runtime import ModelRuntime
from simple_hearing import SpectrumSpeaker

RATE = 24_000
FRAMES = 80
TARGET_HZ = 220.0


class Reader:
    """Reads everything on one note, with a rest in the middle."""

    asked: tuple[tuple[str, str], ...] = ()

    def __init__(self, *_: object, decode: Callable[[Prosody], Audio] | None = None) -> None:
        self._decode = decode

    def with_second_half(self, decode: Callable[[Prosody], Audio]) -> Reader:
        return Reader(decode=decode)

    def synthesize_sentence(self, text: str, voice: str) -> Audio:
        assert self._decode is not None
        type(self).asked += ((text, voice),)
        f0 = np.full(2 * FRAMES, 120, np.float32)
        f0[FRAMES : FRAMES + 20] = -3.0
        curve = np.zeros(2 * FRAMES, np.float32)
        return self._decode(Prosody(content=np.zeros((512, FRAMES), np.float32), f0=f0, energy=curve, style=curve))


class Speaker(SpectrumSpeaker):
    """Refuses silence, as a speaker encoder does."""

    def embed(self, audio: Audio) -> np.ndarray:
        if not audio.samples.any():
            raise LowQualityAudioError("there is no sound in which to hear a voice")
        return super().embed(audio)


class Opinion:
    """Likes what is loud."""

    def __init__(self, runtime: ModelRuntime) -> None:
        pass

    def mos(self, waves: list[np.ndarray]) -> float:
        return 4.0 if max(np.abs(wave).max() for wave in waves) > 0.15 else 2.0


@pytest.fixture
def trial(settings: Settings, runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch) -> VoiceTrial:
    monkeypatch.setattr(voice_trial, "KokoroSynthesizer", Reader)
    monkeypatch.setattr(voice_trial, "SpeakerEncoder", Speaker)
    monkeypatch.setattr(voice_trial, "NaturalnessJudge", Opinion)
    monkeypatch.setattr(Reader, "asked", ())
    return VoiceTrial(settings, runtime)


def singing(harmonics: int, level: float) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Audio]:
    """A voice with so many harmonics."""

    def speak(content: np.ndarray, f0: np.ndarray, energy: np.ndarray) -> Audio:
        phase = 2 * np.pi * np.cumsum(np.repeat(f0, 300)) / RATE
        tone = sum(np.sin(k * phase) for k in range(1, harmonics + 1)) / harmonics
        return Audio((level * tone)[None].astype(np.float32), RATE)

    return speak


def target(harmonics: int) -> Audio:
    curve = np.full(2 * FRAMES, TARGET_HZ, np.float32)
    return singing(harmonics, 0.3)(curve, curve, curve)


def test_the_voice_that_is_more_alike_and_the_one_that_is_more_natural_are_told_apart(trial: VoiceTrial) -> None:
    alike = trial(singing(12, 0.1), target(12), TARGET_HZ)
    natural = trial(singing(1, 0.3), target(12), TARGET_HZ)
    assert alike.similarity > natural.similarity
    assert alike.naturalness < natural.naturalness


def test_every_sentence_is_read_around_the_targets_own_pitch(trial: VoiceTrial) -> None:
    heard: list[np.ndarray] = []

    def speak(content: np.ndarray, f0: np.ndarray, energy: np.ndarray) -> Audio:
        heard.append(f0)
        return singing(3, 0.3)(content, f0, energy)

    trial(speak, target(3), TARGET_HZ)
    assert [text for text, _ in Reader.asked] == list(SENTENCES)
    assert len(heard) == len(SENTENCES)
    for f0 in heard:
        np.testing.assert_allclose(f0[f0 > 0], TARGET_HZ, rtol=1e-5)
        assert (f0 == 0).sum() == 20


@pytest.mark.parametrize(("median", "reader"), [(110.0, "am_michael"), (210.0, "af_heart")])
def test_a_low_voice_has_a_low_reader(trial: VoiceTrial, median: float, reader: str) -> None:
    trial(singing(3, 0.3), target(3), median)
    assert {voice for _, voice in Reader.asked} == {reader}


def test_a_voice_that_cannot_be_heard_is_the_worst(trial: VoiceTrial) -> None:
    assert trial(singing(3, 0.0), target(3), TARGET_HZ) == WORST


def test_a_target_that_cannot_be_heard_is_an_error(trial: VoiceTrial) -> None:
    silent = replace(target(3), samples=np.zeros((1, RATE), np.float32))
    with pytest.raises(LowQualityAudioError):
        trial(singing(3, 0.3), silent, TARGET_HZ)
