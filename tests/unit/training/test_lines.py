"""Lines of training material are made by chance, and can be said."""

from __future__ import annotations

import re

import numpy as np

from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.synthesis import vocabulary
from auto_voice.training.lines import HELD, random_line, random_syllables


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


def test_syllables_are_sounds_that_the_synthesizer_knows() -> None:
    random = np.random.default_rng(1)
    made = [random_syllables(random) for _ in range(400)]
    sounds = set("".join(made))
    assert sounds <= set(vocabulary())
    assert {"y", "ø", "ɲ", "ʁ", "x", "r", "ʈ", "ɕ"} <= sounds, "sounds that English has not"
    assert all(any(sound in HELD for sound in line) for line in made), "every line has something to sing on"


def test_some_lines_of_syllables_repeat_themselves() -> None:
    random = np.random.default_rng(1)
    made = [re.sub("[ˈ ]", "", random_syllables(random)) for _ in range(100)]
    repeated = [line for line in made if re.fullmatch(r"(.{1,8})\1+.{0,4}", line)]
    assert 10 < len(repeated) < 60
