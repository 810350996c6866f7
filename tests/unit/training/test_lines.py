"""Lines of training material are made by chance, and can be said."""

from __future__ import annotations

import re

import numpy as np

from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.synthesis import vocabulary
from auto_voice.training.lines import random_line


def lines(count: int, seed: int = 1) -> list[str]:
    random = np.random.default_rng(seed)
    return [random_line(random) for _ in range(count)]


def test_the_same_chance_gives_the_same_lines() -> None:
    assert lines(20) == lines(20)
    assert lines(20) != lines(20, seed=2)


def test_every_line_has_words_that_fit_one_breath() -> None:
    assert all(2 <= len(line.split()) <= 16 for line in lines(300))


def test_an_stands_before_vowels() -> None:
    assert not [line for line in lines(500) if re.search(r"\ba [aeiou]\w+ (judge|child|garden|king)", line)]


def test_together_they_hold_every_english_sound() -> None:
    spoken = set("".join(phonemes(line) for line in lines(400)))
    american = set("bdfhjklmnpstvwzɡŋɹʃʒðθʧʤAIOWYiuɑɔɛɜɪʊʌæəᵊᵻ")
    assert american <= spoken
    assert spoken <= set(vocabulary())
