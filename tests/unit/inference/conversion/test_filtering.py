"""The filter changes colour, and nothing else."""

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.inference.conversion.envelope import ORDER
from auto_voice.inference.conversion.filtering import apply_envelope_change, restore_loudness

RANDOM = np.random.default_rng(5)


def noise(seconds: float, rate: int, channels: int = 1) -> Audio:
    return Audio(RANDOM.normal(0, 0.1, (channels, round(seconds * rate))).astype(np.float32), rate)


@pytest.mark.parametrize(
    ("rate", "channels"), [(8000, 1), (11025, 2), (16000, 1), (22050, 1), (44100, 2), (48000, 6), (192000, 1)]
)
def test_no_change_gives_the_recording_back(rate: int, channels: int) -> None:
    audio = noise(0.7, rate, channels)
    same = apply_envelope_change(audio, np.zeros((71, ORDER), np.float32))
    assert same.sample_rate == rate and same.samples.shape == audio.samples.shape
    np.testing.assert_allclose(same.samples, audio.samples, atol=2e-6)


def test_a_flat_change_is_a_gain() -> None:
    change = np.zeros((101, ORDER), np.float32)
    change[:, 0] = 2 * np.log(0.5) * np.sqrt(513)
    halved = apply_envelope_change(noise(1.0, 16000), change)
    audio = noise(1.0, 16000)
    halved = apply_envelope_change(audio, change)
    np.testing.assert_allclose(halved.samples, audio.samples / 2, atol=1e-4)


def test_chunks_join_without_a_seam() -> None:
    audio = noise(21.0, 8000)
    change = RANDOM.normal(0, 0.5, (2101, ORDER)).astype(np.float32)
    whole = apply_envelope_change(audio, change)
    tail = Audio(np.ascontiguousarray(audio.samples[:, 9 * 8000 :]), 8000)
    part = apply_envelope_change(tail, change[900:])
    np.testing.assert_allclose(whole.samples[0, 9 * 8000 + 800 :], part.samples[0, 800:], atol=1e-5)


def test_gain_is_limited() -> None:
    change = np.zeros((101, ORDER), np.float32)
    change[:, 0] = 1000
    audio = noise(1.0, 16000)
    louder = apply_envelope_change(audio, change)
    assert np.abs(louder.samples).max() < 20 * np.abs(audio.samples).max()


def test_what_lies_above_the_analysed_band_is_hardly_raised() -> None:
    change = np.zeros((101, ORDER), np.float32)
    change[:, 0] = 2 * np.log(8) * np.sqrt(513)
    audio = noise(1.0, 44100)
    before, after = (
        np.abs(np.fft.rfft(each.samples[0]))[9000:20000].mean()
        for each in (audio, apply_envelope_change(audio, change))
    )
    assert 1.9 < after / before < 2.1


def test_silence_stays_silent() -> None:
    change = RANDOM.normal(0, 1, (101, ORDER)).astype(np.float32)
    silence = Audio(np.zeros((2, 44100), np.float32), 44100)
    assert not apply_envelope_change(silence, change).samples.any()
    assert not restore_loudness(silence, silence).samples.any()


@pytest.mark.parametrize("frames", [1, 7, 500])
def test_the_shortest_recordings_keep_their_length(frames: int) -> None:
    audio = Audio(RANDOM.normal(0, 0.1, (1, frames)).astype(np.float32), 44100)
    assert apply_envelope_change(audio, np.zeros((1, ORDER), np.float32)).frames == frames


def test_loudness_follows_the_reference() -> None:
    audio = noise(2.0, 16000, 2)
    swell = np.linspace(0.1, 1, audio.frames, dtype=np.float32)
    restored = restore_loudness(Audio(audio.samples * 0.3, 16000), Audio(audio.samples * swell, 16000))
    np.testing.assert_allclose(restored.samples[:, 2000:-2000], (audio.samples * swell)[:, 2000:-2000], atol=0.01)
