"""Changes that leave a clip's alignment as it is."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.training.perturb import level, perturbed, raised
from vowels import measured_f0, sung_vowel

RATE = 16_000
TONE = sung_vowel("u", 200.0, 2.0)
OTHER = np.random.default_rng(3).normal(0, 0.1, RATE).astype(np.float32)


@pytest.mark.parametrize("seed", range(12))
def test_another_throat_changes_length_by_the_ratio_it_says(seed: int) -> None:
    sound, ratio = perturbed(TONE, OTHER, np.random.default_rng(seed))
    assert len(sound) == round(len(TONE) * ratio)
    assert 2 ** (-4 / 12) - 1e-3 <= ratio <= 2 ** (4 / 12) + 1e-3
    assert np.isfinite(sound).all() and sound.dtype == np.float32


def test_throats_differ() -> None:
    ratios = {perturbed(TONE, OTHER, np.random.default_rng(seed))[1] for seed in range(12)}
    assert len(ratios) > 6


def test_raised_sound_is_higher_and_as_long() -> None:
    heard = []
    for seed in range(6):
        sound = raised(TONE, np.full(160, 200, np.float32), np.random.default_rng(seed))
        assert len(sound) == len(TONE) and np.isfinite(sound).all()
        heard.append(12 * np.log2(measured_f0(sound) / 200))
    assert all(2.5 < semitones < 14.5 for semitones in heard), heard
    assert max(heard) - min(heard) > 2


def test_high_notes_are_raised_no_further_than_the_highest_voice() -> None:
    for seed in range(5):
        sound = raised(TONE, np.full(160, 790, np.float32), np.random.default_rng(seed))
        assert np.isfinite(sound).all()


def test_unvoiced_clips_can_be_raised() -> None:
    assert len(raised(OTHER, np.zeros(80, np.float32), np.random.default_rng(1))) == len(OTHER)


def test_everything_comes_out_at_one_level() -> None:
    expected = np.sqrt(np.mean(np.square(level(TONE))))
    for seed in range(4):
        sound, _ = perturbed(0.01 * TONE, OTHER, np.random.default_rng(seed))
        assert np.sqrt(np.mean(np.square(sound))) == pytest.approx(expected, rel=1e-3)
    assert not level(np.zeros(10, np.float32)).any()
