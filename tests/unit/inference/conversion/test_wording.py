"""Words that were recognised are said more clearly, but only where their sounds are heard."""

from __future__ import annotations

import numpy as np
import torch

from auto_voice.inference.conversion.wording import Line, worded_content
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape

SOUNDS = (0, 43, 44, 45)
WIDTH = len(SOUNDS)


class Hearing(ContentMapper):
    """Hears the sound that each frame's features name, and a blurred half of its content."""

    def __init__(self) -> None:
        super().__init__(MapperShape(features=WIDTH, content=WIDTH, phones=WIDTH, width=8, dilations=(1,), kernel=3))
        self.phones.copy_(torch.tensor(SOUNDS))

    def normalised(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 0.5 * features, 20 * features


def heard(*sounds: tuple[int, int]) -> np.ndarray:
    """Features of (sound, frames) after one another."""
    return np.concatenate([np.tile(np.eye(WIDTH, dtype=np.float32)[sound], (frames, 1)) for sound, frames in sounds])


def line(*sounds: int, start: float = 0.0, end: float = 1.0, words: tuple[tuple[int, int], ...] = ()) -> Line:
    places = [0, *sounds, 0]
    return Line(
        start=start,
        end=end,
        tokens=np.array([SOUNDS[place] for place in places]),
        vectors=np.eye(WIDTH, dtype=np.float32)[places],
        words=words or ((1, len(places) - 1),),
    )


FEATURES = heard((0, 8), (1, 12), (2, 10), (0, 10))


def leaning(features: np.ndarray, *lines: Line) -> np.ndarray:
    """How far the content of each frame went from what was heard."""
    mapper = Hearing()
    return np.abs(worded_content(features, mapper, lines) - worded_content(features, mapper)).max(axis=0)


def test_without_words_it_is_what_the_mapper_hears() -> None:
    content = worded_content(FEATURES, Hearing())
    assert content.shape == (WIDTH, 40)
    np.testing.assert_allclose(content.T, 0.5 * FEATURES, atol=1e-6)


def test_sounds_of_words_are_made_clearer_where_they_are_heard() -> None:
    clearer = worded_content(FEATURES, Hearing(), [line(1, 2)])
    np.testing.assert_allclose(clearer[1, 10:18], 0.5 + 0.6 * 0.5, atol=1e-5)
    np.testing.assert_allclose(clearer[2, 22:28], 0.8, atol=1e-5)
    np.testing.assert_allclose(clearer[:, :6].T, 0.5 * FEATURES[:6], atol=1e-6)  # silence stays as it was


def test_words_that_are_not_heard_change_nothing() -> None:
    assert leaning(FEATURES, line(3, 3, 3)).max() == 0


def test_each_word_is_judged_alone() -> None:
    leans = leaning(FEATURES, line(1, 3, words=((1, 2), (2, 3))))
    assert leans[10:18].min() > 0.2
    assert leans[22:29].max() < 1e-6


def test_lines_are_looked_for_where_they_were_said_to_be() -> None:
    twice = np.concatenate([FEATURES, FEATURES])
    leans = leaning(twice, line(1, 2, start=1.0, end=2.0))
    assert leans[50:58].min() > 0.2
    assert leans[:18].max() == 0


def test_a_line_that_is_too_long_for_its_place_is_left_out() -> None:
    assert leaning(FEATURES[:3], line(1, 2)).max() == 0
    assert leaning(FEATURES, line(1, 2, start=90.0, end=91.0)).max() == 0
    lines = [line(1, 2, start=0.0, end=0.5), line(1, 2, start=0.0, end=0.5)]  # one on top of the other
    assert np.isfinite(leaning(FEATURES, *lines)).all()
