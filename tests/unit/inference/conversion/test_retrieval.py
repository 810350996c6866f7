"""The converter learns a voice and sings in it."""

from dataclasses import replace

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import CancelledError, ConversionFailedError, LowQualityAudioError
from auto_voice.features import ContentFeatures, PitchContour, VoiceState
from auto_voice.inference.conversion.envelope import track_envelopes
from auto_voice.inference.conversion.retrieval import RetrievalConverter
from vowels import mono, sung_vowel

RATE = 16000
VOWELS = "aiueaeiu"


def sing(hz: float, tract: float, repeats: int = 1, rate: int = RATE) -> tuple[Audio, PitchContour, ContentFeatures]:
    """Vowels in a row, their pitch, and content that names the vowel and nothing of who sings it."""
    order = VOWELS * repeats
    waves = [sung_vowel(vowel, hz, 0.5, rate, tract) for vowel in order]
    f0 = np.full(len(order) * 50 + 1, hz, np.float32)
    names = np.repeat([VOWELS.index(vowel) for vowel in order], 25)
    frames = np.random.default_rng(0).normal(0, 0.1, (1, len(names), 16)) + np.eye(16)[names] * 4
    return (
        mono(np.concatenate(waves), rate),
        PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=0.01),
        ContentFeatures(frames=frames.astype(np.float16), hop_seconds=0.02, model="vowels"),
    )


def envelopes(audio: Audio, hz: float) -> np.ndarray:
    samples = audio.mono()
    return track_envelopes(samples, np.full(len(samples) // 160 + 1, hz, np.float32)).shapes


@pytest.fixture(scope="module")
def voice() -> VoiceState:
    """A long-tracted voice at 110 Hz."""
    return RetrievalConverter().learn(*sing(110, 0.88, repeats=3))


@pytest.mark.parametrize("semitones", [0, 5])
def test_the_vowels_come_nearer_to_those_of_the_target(voice: VoiceState, semitones: int) -> None:
    source, contour, content = sing(160, 1.12)
    converted = RetrievalConverter().convert(source, contour, content, voice, semitones)
    wanted = envelopes(sing(160, 0.88)[0], 160)
    before = np.abs(envelopes(source, 160) - wanted).mean()
    after = np.abs(envelopes(converted, 160 * 2 ** (semitones / 12)) - wanted).mean()
    assert after < 0.75 * before


def test_shape_rate_and_balance_stay(voice: VoiceState) -> None:
    source, contour, content = sing(160, 1.1, rate=44100)
    stereo = Audio(np.concatenate([source.samples, 0.5 * source.samples]), 44100)
    converted = RetrievalConverter().convert(stereo, contour, content, voice)
    assert converted.sample_rate == 44100 and converted.samples.shape == stereo.samples.shape
    assert converted.samples.dtype == np.float32
    np.testing.assert_allclose(converted.samples[1], 0.5 * converted.samples[0], atol=1e-5)


def test_loudness_and_silence_stay(voice: VoiceState) -> None:
    source, contour, content = sing(160, 1.1)
    samples = source.samples.copy()
    samples[:, 12000:24000] = 0
    contour.f0[76:150] = 0
    converted = RetrievalConverter().convert(Audio(samples, RATE), contour, content, voice).samples
    assert np.abs(converted[:, 13000:23000]).max() < 1e-4
    sung = slice(26000, 60000)
    assert np.std(converted[:, sung]) == pytest.approx(np.std(samples[:, sung]), rel=0.1)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.0])
def test_silence_of_any_length_gives_silence(voice: VoiceState, seconds: float) -> None:
    frames = round(seconds * RATE)
    contour = PitchContour(f0=np.zeros(1, np.float32), confidence=np.zeros(1, np.float32), hop_seconds=0.01)
    content = ContentFeatures(
        frames=np.zeros((1, max(1, frames // 320), 16), np.float16), hop_seconds=0.02, model="vowels"
    )
    silence = mono(np.zeros(frames, np.float32))
    converted = RetrievalConverter().convert(silence, contour, content, voice)
    assert converted.frames == frames and not converted.samples.any()


def test_too_little_voice_cannot_be_learnt() -> None:
    recording, contour, content = sing(110, 0.9)
    half = Audio(recording.samples[:, : 2 * RATE], RATE)
    with pytest.raises(LowQualityAudioError, match="four seconds"):
        RetrievalConverter().learn(half, contour, replace(content, frames=content.frames[:, :100]))


def test_a_voice_learnt_with_other_features_is_refused(voice: VoiceState) -> None:
    source, contour, content = sing(160, 1.1)
    other = replace(content, model="another")
    with pytest.raises(ConversionFailedError, match="another content model"):
        RetrievalConverter().convert(source, contour, other, voice)


def test_more_likeness_is_more_alike(voice: VoiceState) -> None:
    source, contour, content = sing(160, 1.12)
    wanted = envelopes(sing(160, 0.88)[0], 160)

    def distance(likeness: float) -> float:
        converted = RetrievalConverter(likeness).convert(source, contour, content, voice)
        return float(np.abs(envelopes(converted, 160) - wanted).mean())

    assert distance(1.0) < distance(0.0)


def test_progress_grows_to_one_and_cancels(voice: VoiceState) -> None:
    song = sing(160, 1.1)
    seen: list[float] = []
    RetrievalConverter().convert(*song, voice, 3, seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0

    def cancel(fraction: float) -> None:
        if fraction > 0.5:
            raise CancelledError

    with pytest.raises(CancelledError):
        RetrievalConverter().convert(*song, voice, 0, cancel)
