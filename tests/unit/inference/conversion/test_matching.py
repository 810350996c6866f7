"""Neighbours are the frames that say the same."""

import numpy as np
import pytest

from auto_voice.inference.conversion.matching import NEIGHBOURS, Sounds, find_neighbours, normalise_content

RANDOM = np.random.default_rng(7)


def sounds(content: np.ndarray, hz: float | np.ndarray = 200.0, active: np.ndarray | None = None) -> Sounds:
    frames = len(content)
    unit = content / np.linalg.norm(content, axis=1, keepdims=True)
    return Sounds(
        unit.astype(np.float16),
        np.broadcast_to(np.float32(hz), frames).astype(np.float32),
        np.ones(frames, bool) if active is None else active,
    )


def test_a_recording_finds_itself_elsewhere() -> None:
    words = RANDOM.normal(size=(300, 32))
    moved = np.roll(words, 50, axis=0)
    found = find_neighbours(sounds(words), sounds(moved))
    best = found.which[np.arange(300), found.weight.argmax(axis=1)]
    inside = np.arange(5, 245)
    assert (best[inside] == inside + 50).all()


def test_pauses_are_never_chosen() -> None:
    words = RANDOM.normal(size=(100, 16))
    active = np.ones(100, bool)
    active[20:60] = False
    found = find_neighbours(sounds(words), sounds(words, active=active))
    assert not np.isin(found.which, np.arange(20, 60)).any()


def test_of_two_equal_sounds_the_one_of_the_same_voicing_is_chosen() -> None:
    word = np.tile(RANDOM.normal(size=(1, 16)), (40, 1))
    hz = np.where(np.arange(40) < 20, 200.0, 0.0)
    found = find_neighbours(sounds(word, 200.0), sounds(word, hz))
    assert (found.weight * (found.which < 20)).sum(axis=1).min() > 0.99


def test_weights_sum_to_one_and_blend_is_their_mean() -> None:
    words = RANDOM.normal(size=(60, 16))
    found = find_neighbours(sounds(words), sounds(words))
    np.testing.assert_allclose(found.weight.sum(axis=1), 1, rtol=1e-5)
    constant = np.full((60, 3), 2.5, np.float32)
    np.testing.assert_allclose(found.blend(constant), 2.5, rtol=1e-5)


def test_a_tiny_bank_gives_what_it_has() -> None:
    found = find_neighbours(sounds(RANDOM.normal(size=(30, 8))), sounds(RANDOM.normal(size=(3, 8))))
    assert found.which.shape == (30, 3) and NEIGHBOURS > 3


def test_long_sources_are_the_same_as_their_parts() -> None:
    words, bank = RANDOM.normal(size=(1300, 16)), RANDOM.normal(size=(90, 16))
    whole = find_neighbours(sounds(words), sounds(bank))
    end = find_neighbours(sounds(words[1000:]), sounds(bank))
    np.testing.assert_array_equal(whole.which[1010:], end.which[10:])


def test_content_loses_its_own_mean_and_scale() -> None:
    frames = RANDOM.normal(size=(2, 50, 8)).astype(np.float16)
    other = (3 * frames.astype(np.float32) + 5).astype(np.float16)
    active = np.ones(50, bool)
    np.testing.assert_allclose(normalise_content(frames, active), normalise_content(other, active), atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(normalise_content(frames, active).astype(float), axis=1), 1, atol=0.01)


@pytest.mark.parametrize("active", [np.zeros(50, bool), np.ones(50, bool)])
def test_constant_content_is_finite(active: np.ndarray) -> None:
    assert np.isfinite(normalise_content(np.ones((2, 50, 8), np.float16), active)).all()
