"""Loudness against the standard's figures and a second implementation; peaks against ones known exactly."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest

from auto_voice.audio import Audio, integrated_loudness, true_peak
from auto_voice.audio.loudness import _k_weighting


def sine(level_db: float, frequency: float, rate: int, seconds: float, phase: float = 0.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * time + phase)).astype(np.float32)


def stereo(row: np.ndarray, rate: int) -> Audio:
    return Audio(np.stack([row, row]), rate)


def test_the_filters_at_48_khz_are_those_of_the_standard() -> None:
    """Tables 1 and 2 of ITU-R BS.1770-4."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(_k_weighting(48000), [shelf, high_pass], atol=1e-8)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_a_full_scale_tone_in_one_channel_is_minus_3_01(rate: int) -> None:
    tone = sine(0.0, 997.0, rate, 5.0)
    assert integrated_loudness(Audio(tone[None], rate)) == pytest.approx(-3.01, abs=0.03)


def test_a_stereo_tone_at_minus_23_is_minus_23() -> None:
    """Case 1 of EBU Tech 3341."""
    assert integrated_loudness(stereo(sine(-23.0, 1000.0, 48000, 20.0), 48000)) == pytest.approx(-23.0, abs=0.1)


def test_quiet_parts_are_gated() -> None:
    """Case 3 of EBU Tech 3341: -36, -23 and -36 dB for 10, 60 and 10 s are -23 LUFS."""
    levels = [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)]
    row = np.concatenate([sine(level, 1000.0, 48000, seconds) for level, seconds in levels])
    assert integrated_loudness(stereo(row, 48000)) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_pyloudnorm_measures_the_same(rate: int) -> None:
    generator = np.random.default_rng(0)
    swell = np.abs(np.sin(np.arange(12 * rate) / rate))
    samples = (0.2 * swell * generator.normal(size=(2, 12 * rate))).astype(np.float32)
    reference = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.T.astype(np.float64))
    assert integrated_loudness(Audio(samples, rate)) == pytest.approx(reference, abs=0.02)


def test_surround_counts_as_the_standard_weighs_it() -> None:
    """Case 6 of EBU Tech 3341: -28 dB front, -24 centre, -30 surround are -23 LUFS. Deep bass has no weight."""
    rows = [sine(level, 1000.0, 48000, 20.0) for level in (-28.0, -28.0, -24.0, 0.0, -30.0, -30.0)]
    assert integrated_loudness(Audio(np.stack(rows), 48000)) == pytest.approx(-23.0, abs=0.1)


def test_silence_and_sounds_below_one_block_have_no_loudness() -> None:
    assert integrated_loudness(Audio(np.zeros((2, 48000), np.float32), 48000)) == -math.inf
    assert integrated_loudness(stereo(sine(-10.0, 1000.0, 48000, 0.39), 48000)) == -math.inf
    assert integrated_loudness(Audio(np.zeros((1, 0), np.float32), 48000)) == -math.inf


@pytest.mark.parametrize(("share", "phase"), [(1 / 4, math.pi / 4), (1 / 6, math.pi / 6), (1 / 4, 0.0)])
@pytest.mark.parametrize("rate", [44100, 96000])
def test_true_peak_finds_what_lies_between_the_samples(share: float, phase: float, rate: int) -> None:
    """Tones like cases 15 to 19 of EBU Tech 3341: a quarter of the rate at 45 degrees peaks 3 dB over any sample.

    From 96 kHz on, where no music lies at such a share of the rate, the samples are enough.
    """
    frequency = share * min(rate, 48000) if rate < 96000 else 0.1 * rate * share
    audio = stereo(sine(-6.0, frequency, rate, 1.0, phase) * np.hanning(rate).astype(np.float32) ** 0.1, rate)
    assert true_peak(audio) == pytest.approx(-6.0, abs=0.1)


def test_true_peak_is_that_of_the_loudest_channel_and_of_every_block() -> None:
    samples = np.zeros((3, 600_000), np.float32)
    samples[2, 555_555] = -0.5
    assert true_peak(Audio(samples, 48000)) == pytest.approx(-6.02, abs=0.01)
    assert true_peak(Audio(np.zeros((2, 100), np.float32), 48000)) == -math.inf
    assert true_peak(Audio(np.zeros((2, 0), np.float32), 48000)) == -math.inf
