"""Mixing: the converted voice takes the place of the original one, at its level, at its position."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio, integrated_loudness, true_peak
from auto_voice.errors import CancelledError, ConversionFailedError
from auto_voice.inference.mixing import TRUE_PEAK_CEILING_DBTP, match_level, mix

RATE = 44100


def _voice(seconds: float = 6.0, left: float = 0.2, right: float = 0.2, seed: int = 0) -> Audio:
    """Something like a voice: a syllable a half second, noise under an envelope, at a gain in each channel."""
    frames = int(seconds * RATE)
    clock = np.arange(frames) / RATE
    noise = np.random.default_rng(seed).standard_normal(frames)
    mono = noise * np.sin(2 * np.pi * clock).clip(0) ** 2 * 0.3
    return Audio(np.stack([mono * left, mono * right]).astype(np.float32), RATE)


def _decibels(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def test_a_converter_that_changes_the_level_is_put_right() -> None:
    original = _voice()
    louder = Audio(_voice(seed=1).samples * np.float32(3), RATE)
    matched = match_level(louder, original)
    assert integrated_loudness(matched) == pytest.approx(integrated_loudness(original), abs=0.1)


def test_a_drifting_level_is_put_right_section_by_section() -> None:
    original = _voice(12)
    drift = np.geomspace(1.8, 0.5, original.frames, dtype=np.float32)
    matched = match_level(Audio(_voice(12, seed=1).samples * drift, RATE), original)
    half = original.frames // 2
    for section in (slice(0, half), slice(half, None)):
        difference = _decibels(matched.samples[:, section]) - _decibels(original.samples[:, section])
        assert abs(difference) < 1.0


def test_a_voice_on_the_left_stays_on_the_left() -> None:
    original = _voice(left=0.3, right=0.05)
    centred = _voice(left=0.1, right=0.1, seed=1)
    matched = match_level(centred, original)
    balance = _decibels(matched.samples[0]) - _decibels(matched.samples[1])
    assert balance == pytest.approx(20 * np.log10(0.3 / 0.05), abs=0.5)


def test_silence_stays_silent() -> None:
    silent = Audio(np.zeros((2, 2 * RATE), np.float32), RATE)
    assert not match_level(silent, silent).samples.any()


def test_where_the_original_is_silent_the_gain_only_falls() -> None:
    original = _voice(12)
    original.samples[:, 6 * RATE :] = 0
    leaking = _voice(12, seed=1)
    matched = match_level(leaking, original)
    assert _decibels(matched.samples[:, 8 * RATE :]) < -65


def test_a_recording_shorter_than_a_section_is_matched_too() -> None:
    original = _voice(0.9)
    matched = match_level(Audio(_voice(0.9, seed=1).samples * np.float32(0.5), RATE), original)
    assert _decibels(matched.samples) == pytest.approx(_decibels(original.samples), abs=0.5)


def test_vocals_of_another_length_are_refused() -> None:
    with pytest.raises(ConversionFailedError, match="rate, channels and length"):
        match_level(_voice(2), _voice(3))


def test_samples_that_are_not_numbers_are_refused() -> None:
    broken = _voice(2)
    broken.samples[0, 100] = np.nan
    with pytest.raises(ConversionFailedError, match="not numbers"):
        match_level(broken, _voice(2))


def test_the_mix_is_the_sum_at_the_volumes_asked_for() -> None:
    vocals, band = _voice(2, 0.1, 0.1), _voice(2, 0.1, 0.05, seed=3)
    mixed = mix(vocals, band, vocal_volume=0.5, instrumental_volume=2.0)
    np.testing.assert_allclose(mixed.samples, 0.5 * vocals.samples + 2.0 * band.samples, atol=1e-6)
    assert mixed.sample_rate == RATE


def test_the_stems_of_a_song_give_the_song_back() -> None:
    vocals, band = _voice(1.5, 0.1, 0.1), _voice(1.5, 0.1, 0.05, seed=3)
    mixed = mix(match_level(vocals, vocals), band, 1.0, 1.0)
    np.testing.assert_allclose(mixed.samples, vocals.samples + band.samples, atol=1e-5)


def test_a_loud_mix_is_limited_at_its_true_peak() -> None:
    mixed = mix(_voice(2, 5, 5), _voice(2, 5, 5, seed=2), 2.0, 2.0)
    assert true_peak(mixed) <= TRUE_PEAK_CEILING_DBTP + 0.1
    assert mixed.frames == 2 * RATE


def test_matching_can_be_cancelled() -> None:
    def cancel(fraction: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        match_level(_voice(2), _voice(2), cancel)
