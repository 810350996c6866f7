"""The limiter holds the ceiling, and can be heard as little as a limiter can."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio, limit_true_peak, true_peak

RATE = 44100


def music(seconds: float = 8.0, gain: float = 1.0, channels: int = 2) -> Audio:
    """Noise with beats: loud every half second."""
    frames = round(seconds * RATE)
    beats = 0.2 + np.exp(-8 * ((np.arange(frames) / RATE) % 0.5))
    noise = np.random.default_rng(0).normal(0, 0.15, (channels, frames))
    return Audio((gain * beats * noise).astype(np.float32), RATE)


@pytest.mark.parametrize("gain", [1.5, 5.0, 50.0])
@pytest.mark.parametrize("ceiling", [-1.0, -6.0])
def test_the_ceiling_holds(gain: float, ceiling: float) -> None:
    limited = limit_true_peak(music(gain=gain), ceiling)
    assert true_peak(limited) <= ceiling + 1e-4
    assert true_peak(limited) > ceiling - 0.1


def test_what_is_below_the_ceiling_is_not_touched() -> None:
    quiet = music(gain=0.2)
    assert limit_true_peak(quiet) is quiet
    limited = limit_true_peak(music(gain=3.0))
    assert limit_true_peak(limited) is limited


def test_only_the_surroundings_of_a_peak_are_touched() -> None:
    samples = music(gain=0.2).samples.copy()
    samples[:, 4 * RATE] = 2.0
    limited = limit_true_peak(Audio(samples, RATE)).samples
    # 7 dB over the ceiling: 5 ms before it, and 7/60 s behind it.
    before, behind = 4 * RATE - RATE // 100, 4 * RATE + RATE // 5
    np.testing.assert_array_equal(limited[:, :before], samples[:, :before])
    np.testing.assert_array_equal(limited[:, behind:], samples[:, behind:])
    assert np.abs(limited[:, 4 * RATE]).max() < 0.9


def test_the_gain_is_smooth_and_one_for_all_channels() -> None:
    """A constant shows the gain itself; a spike in one channel lowers both, without a step."""
    samples = np.full((2, RATE), 0.25, np.float32)
    samples[0, RATE // 2] = 3.0
    limited = limit_true_peak(Audio(samples, RATE)).samples
    gain = limited / samples
    np.testing.assert_allclose(gain[0], gain[1], rtol=1e-6)
    assert gain.min() < 0.4
    assert np.abs(np.diff(gain[1])).max() < 0.02


@pytest.mark.parametrize("frames", [1, 2, 7, 300])
def test_very_short_sounds(frames: int) -> None:
    limited = limit_true_peak(Audio(np.full((2, frames), 2.0, np.float32), RATE))
    assert limited.frames == frames
    assert true_peak(limited) <= -1.0 + 1e-4


def test_peaks_on_the_borders_of_blocks() -> None:
    samples = np.zeros((1, 3 * (1 << 18)), np.float32)
    for frame in (0, (1 << 18) - 1, 1 << 18, (1 << 19) + 1, samples.shape[1] - 1):
        samples[0, frame] = 1.7
    assert true_peak(limit_true_peak(Audio(samples, RATE))) <= -1.0 + 1e-4


def test_silence_and_nothing() -> None:
    for frames in (0, 1000):
        silent = Audio(np.zeros((2, frames), np.float32), RATE)
        assert limit_true_peak(silent) is silent


def test_the_input_is_not_changed() -> None:
    loud = music(1.0, 4.0)
    before = loud.samples.copy()
    limit_true_peak(loud)
    np.testing.assert_array_equal(loud.samples, before)
