"""Statistics move from one voice to another; formants move by a factor."""

import numpy as np
import pytest

from auto_voice.inference.conversion import shaping
from auto_voice.inference.conversion.envelope import ORDER, track_envelopes
from vowels import sung_vowel

RANDOM = np.random.default_rng(3)


def vowels(tract: float) -> np.ndarray:
    waves = np.concatenate([sung_vowel(vowel, 120, 0.5, tract=tract) for vowel in "aiue"])
    return track_envelopes(waves, np.full(201, 120, np.float32)).shapes


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
def test_the_vocal_tract_ratio_is_found(factor: float) -> None:
    assert shaping.best_warp(vowels(1.0), vowels(factor)) == pytest.approx(factor, abs=0.03)


def test_warping_brings_the_vowels_of_a_shorter_tract_nearer() -> None:
    source, target = vowels(1.0), vowels(1.15)
    before = np.abs(source - target).mean()
    after = np.abs(shaping.warp_frequencies(source, 1.15) - target).mean()
    assert after < 0.6 * before


def test_too_few_frames_are_not_warped() -> None:
    assert shaping.best_warp(vowels(1.0)[:4], vowels(1.2)[:4]) == 1.0


def random_voice(mean: float, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shapes = RANDOM.normal(mean, spread, (400, ORDER)).astype(np.float32)
    return shapes, np.arange(400) % 2 == 0, np.arange(400) < 350


def test_means_move_apart_for_voiced_and_unvoiced_sounds() -> None:
    source, voiced, active = random_voice(0.0, 1.0)
    target, target_voiced, target_active = random_voice(2.0, 1.0)
    target[target_voiced] += 1.0
    statistics = shaping.measure(target, target_voiced, target_active)
    moved = shaping.move_mean(source, voiced, shaping.measure(source, voiced, active), statistics)
    after = shaping.measure(moved, voiced, active)
    np.testing.assert_allclose(after.mean, statistics.mean, atol=1e-4)
    np.testing.assert_allclose(after.spread, shaping.measure(source, voiced, active).spread, atol=1e-4)


def test_dull_envelopes_get_the_targets_spread_back() -> None:
    target, target_voiced, target_active = random_voice(0.0, 1.0)
    statistics = shaping.measure(target, target_voiced, target_active)
    dull, voiced, active = random_voice(0.0, 0.7)
    restored = shaping.measure(shaping.restore_spread(dull, voiced, active, statistics), voiced, active)
    np.testing.assert_allclose(restored.spread[:, 1:], statistics.spread[:, 1:], rtol=0.02)


def test_lively_envelopes_are_left_as_they_are() -> None:
    target, target_voiced, target_active = random_voice(0.0, 0.5)
    lively, voiced, active = random_voice(0.0, 1.0)
    statistics = shaping.measure(target, target_voiced, target_active)
    np.testing.assert_allclose(shaping.restore_spread(lively, voiced, active, statistics), lively, atol=1e-5)


def test_a_voice_without_unvoiced_sounds_leaves_those_of_the_source() -> None:
    source, voiced, active = random_voice(0.0, 1.0)
    target, _, target_active = random_voice(5.0, 1.0)
    statistics = shaping.measure(target, np.ones(400, bool), target_active)
    moved = shaping.move_mean(source, voiced, shaping.measure(source, voiced, active), statistics)
    np.testing.assert_array_equal(moved[~voiced], source[~voiced])
