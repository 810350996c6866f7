"""Sound in memory: one channel of many, and what is no sound at all."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio, DecodeLimits, check
from auto_voice.errors import AudioTooShortError, AutoVoiceError, FileTooLargeError, InvalidAudioError

RATE = 16000
TONE = (0.5 * np.sin(np.arange(RATE) / 10)).astype(np.float32)


def test_one_channel_is_the_mean_of_all() -> None:
    np.testing.assert_allclose(Audio(np.stack([TONE, 0 * TONE, 0.5 * TONE]), RATE).mono(), 0.5 * TONE, atol=1e-6)


@pytest.mark.parametrize("other", [-1.0, -0.99])
def test_channels_that_cancel_each_other_are_still_heard(other: float) -> None:
    sound = Audio(np.stack([TONE, np.float32(other) * TONE]), RATE)
    np.testing.assert_array_equal(sound.mono(), TONE)


def test_silence_and_nothing_have_one_channel_too() -> None:
    assert not Audio(np.zeros((2, RATE), np.float32), RATE).mono().any()
    assert Audio(np.zeros((2, 0), np.float32), RATE).mono().shape == (0,)


@pytest.mark.parametrize(
    ("samples", "rate", "error"),
    [
        (np.full((1, RATE), np.nan, np.float32), RATE, InvalidAudioError),
        (np.full((1, RATE), -np.inf, np.float32), RATE, InvalidAudioError),
        (np.zeros((1, 0), np.float32), RATE, InvalidAudioError),
        (np.zeros((0, RATE), np.float32), RATE, InvalidAudioError),
        (np.zeros((9, RATE), np.float32), RATE, InvalidAudioError),
        (TONE[None], 0, InvalidAudioError),
        (TONE[None], 10**9, InvalidAudioError),
        (TONE[None, : RATE // 5], RATE, AudioTooShortError),
        (np.zeros((1, 11 * RATE), np.float32), RATE, FileTooLargeError),
    ],
)
def test_sound_in_memory_is_held_to_the_limits_of_files(
    samples: np.ndarray, rate: int, error: type[AutoVoiceError]
) -> None:
    with pytest.raises(error) as caught:
        check(Audio(samples, rate), DecodeLimits(min_seconds=1, max_seconds=10))
    assert caught.value.suggestions


def test_sound_within_the_limits_passes() -> None:
    check(Audio(TONE[None], RATE), DecodeLimits(min_seconds=1, max_seconds=1))
