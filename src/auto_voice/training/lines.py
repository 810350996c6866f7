"""Lines to be spoken and sung for training, made by chance: sentences, lyric-like lines, and words in any order."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from auto_voice.inference.speech.text.letter_to_sound import VOWELS
from auto_voice.inference.speech.text.lexicon import load_entries

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SENTENCES, _LYRICS = 0.3, 0.35
"""Shares; the rest is words in any order, which hold every sound beside every other."""

HELD = VOWELS | frozenset("aeoyøœɯɐɤɨ")
"""Sounds that can be held on a note: English vowels, and those of other languages."""

_SYLLABLES = (3, 12)
_CODA_SHARE, _WORD_ENDS, _REPEATED_SHARE = 0.3, 0.4, 0.3

_PLAIN_WORD = re.compile("[a-z]{2,9}")


def random_line(random: np.random.Generator) -> str:
    """A line of three to twelve words."""
    kind = random.random()
    if kind < _SENTENCES:
        return _sentence(random)
    if kind < _SENTENCES + _LYRICS:
        return _lyric(random)
    words = _dictionary()
    return " ".join(words[index] for index in random.integers(len(words), size=int(random.integers(3, 7))))


def random_syllables(random: np.random.Generator) -> str:
    """A line of syllables as one language has them, in Kokoro's phonemes; some lines repeat one or two throughout."""
    languages = _vocabulary()["languages"]
    language = languages[int(random.integers(len(languages)))]
    onsets, vowels, codas = (language[part].split() for part in ("onsets", "vowels", "codas"))

    def syllable() -> str:
        onset = str(random.choice(onsets)) if random.random() < 0.9 else ""
        coda = str(random.choice(codas)) if codas and random.random() < _CODA_SHARE else ""
        return onset + str(random.choice(vowels)) + coda

    count = int(random.integers(*_SYLLABLES))
    repeated = random.random() < _REPEATED_SHARE
    pool = [syllable() for _ in range(int(random.integers(1, 3)) if repeated else count)]
    line = ""
    for place in range(count):
        stress = "ˈ" if random.random() < 0.3 else ""
        line += stress + pool[place % len(pool)] + (" " if random.random() < _WORD_ENDS else "")
    return line.strip()


def _sentence(random: np.random.Generator) -> str:
    parts = [_noun_phrase(random), _one("doings", random), _noun_phrase(random)]
    if random.random() < 0.5:
        parts.append(_one("places", random))
    end = "?" if random.random() < 0.1 else "."
    return " ".join(parts).capitalize() + end


def _lyric(random: np.random.Generator) -> str:
    parts = [_one("openers", random)] if random.random() < 0.4 else []
    if random.random() < 0.6:
        parts.append(_one("sayings", random))
    else:
        parts += [_noun_phrase(random), _one("doings", random), "you" if random.random() < 0.3 else "me"]
    if random.random() < 0.5:
        parts.append(_one("places", random))
    return " ".join(parts)


def _noun_phrase(random: np.random.Generator) -> str:
    adjective = [_one("adjectives", random)] if random.random() < 0.6 else []
    words = " ".join([_one("determiners", random), *adjective, _one("things", random)])
    return re.sub(r"^a(?= [aeiou])", "an", words)


def _one(kind: str, random: np.random.Generator) -> str:
    choices: list[str] = _vocabulary()[kind]
    return choices[int(random.integers(len(choices)))]


@cache
def _vocabulary() -> dict[str, Any]:
    file = resources.files(__package__) / "vocabulary.toml"
    content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return content


@cache
def _dictionary() -> list[str]:
    """The hand-checked words of the pronunciation dictionary, those of two to nine plain letters."""
    return [word for word in load_entries("us", "gold") if _PLAIN_WORD.fullmatch(word)]
