"""Spoken lines become sung ones: vowels are held, on notes that the decoder can sing."""

from __future__ import annotations

import numpy as np

from auto_voice.inference.synthesis import Prosody
from auto_voice.training.singing_style import HIGHEST_HZ, LOWEST_HZ, held_durations, stretched, sung

DURATIONS = np.array([6, 3, 5, 2, 4, 8])
VOWELS = np.array([False, False, True, False, True, False])


def spoken() -> Prosody:
    voiced = np.repeat([False, True, True, False, True, False], 2 * DURATIONS)
    return Prosody(
        content=np.repeat(np.arange(6.0), DURATIONS)[None].repeat(512, 0).astype(np.float32),
        f0=np.where(voiced, 180, 0).astype(np.float32),
        energy=np.where(voiced, 3, -4).astype(np.float32),
        style=np.zeros(256, np.float32),
    )


def test_only_vowels_are_held_and_never_shortened() -> None:
    held = np.stack([held_durations(DURATIONS, VOWELS, np.random.default_rng(seed)) for seed in range(50)])
    assert (held[:, ~VOWELS] == DURATIONS[~VOWELS]).all()
    assert (held >= DURATIONS).all()
    assert held[:, 4].max() >= 12 and held.max() <= 64


def test_a_stretched_line_has_each_token_as_long_as_wanted() -> None:
    wanted = np.array([2, 3, 20, 2, 9, 3])
    line = stretched(spoken(), DURATIONS, wanted)
    np.testing.assert_array_equal(line.content[0], np.repeat(np.arange(6), wanted))
    assert len(line.f0) == len(line.energy) == 2 * wanted.sum()
    # What is voiced is the same sounds as before.
    np.testing.assert_array_equal(line.f0 > 0, np.repeat([False, True, True, False, True, False], 2 * wanted))


def test_every_tune_can_be_sung_and_leaves_unvoiced_sounds_unvoiced() -> None:
    line = spoken()
    for seed in range(40):
        tune = sung(line, DURATIONS, VOWELS, 190.0, np.random.default_rng(seed))
        voiced = line.f0 > 0
        assert (tune.f0[~voiced] == 0).all()
        assert (tune.f0[voiced] >= LOWEST_HZ).all() and (tune.f0[voiced] <= HIGHEST_HZ).all()
        np.testing.assert_array_equal(tune.energy[~voiced], line.energy[~voiced])


def test_tunes_differ() -> None:
    means = {float(sung(spoken(), DURATIONS, VOWELS, 150.0, np.random.default_rng(seed)).f0.max()) for seed in range(9)}
    assert len(means) == 9
