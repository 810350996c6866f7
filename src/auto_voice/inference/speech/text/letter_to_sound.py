"""Read a word that no dictionary knows: letters to phonemes by a joint n-gram model.

Each letter of a spelling is paired with the phonemes it stands for ("x" with "ks", a silent "e" with
nothing). The pairs of a word are modelled as an n-gram sequence (joint-sequence models, Bisani and Ney
2008; Witten-Bell interpolation), learnt from the pronunciation dictionary by
`scripts/train_letter_to_sound.py`, and the best reading is found by beam search. Pure Python: nothing to
compile, about a millisecond a letter.
"""

from __future__ import annotations

import gzip
import heapq
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻᵊ")
START = "^"
BEAM = 24
_UNIT = re.compile(r"[ˈˌ]?.ː?")


def units(phonemes: str) -> list[str]:
    """Split phonemes into single sounds, with stress and length marks: "fˈɑːðə" gives f, ˈɑː, ð, ə."""
    return _UNIT.findall(phonemes)


@dataclass(frozen=True)
class LetterToSound:
    """The model of one accent.

    Attributes:
        counts: for each history of pairs (joined by spaces, "" for none), how often each pair followed it.
            A pair is a letter, "|", and its phonemes.
        order: the longest history plus one.
    """

    counts: Mapping[str, Mapping[str, int]]
    order: int

    def __call__(self, word: str) -> str:
        """Phonemes of `word` (letters a to z; others are skipped); "" if nothing is left to read."""
        beams: list[tuple[float, tuple[str, ...]]] = [(1.0, (START,))]
        by_letter = self._pairs_by_letter()
        for letter in word.lower():
            if letter not in by_letter:
                continue
            grown = [
                (score * self._probability(pair, pairs[1 - self.order :]), (*pairs, pair))
                for score, pairs in beams
                for pair in by_letter[letter]
            ]
            beams = heapq.nlargest(BEAM, grown)
            best = beams[0][0]
            beams = [(score / best, pairs) for score, pairs in beams]
        finals = [(score * self._probability(START, pairs[1 - self.order :]), pairs) for score, pairs in beams]
        pairs = max(finals)[1][1:]
        return _stress_once("".join(pair.partition("|")[2] for pair in pairs))

    def _probability(self, pair: str, history: tuple[str, ...]) -> float:
        probability = 1e-7
        for length in range(len(history) + 1):
            seen = self.counts.get(" ".join(history[len(history) - length :]))
            if seen is None:
                break
            kinds = len(seen)
            total = seen["*"]
            probability = (seen.get(pair, 0) + kinds * probability) / (total + kinds)
        return probability

    def _pairs_by_letter(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for pair in self.counts[""]:
            letter, bar, _ = pair.partition("|")
            if bar:
                found.setdefault(letter, []).append(pair)
        return found


def _stress_once(phonemes: str) -> str:
    """Every word has one main stress: the first marked one, else its first vowel."""
    first = phonemes.find("ˈ")
    if first >= 0:
        return phonemes[: first + 1] + phonemes[first + 1 :].replace("ˈ", "ˌ")
    vowel = next((index for index, sound in enumerate(phonemes) if sound in VOWELS - {"ə", "ᵊ", "ᵻ"}), None)
    if vowel is None:
        return phonemes
    return (phonemes[:vowel] + "ˈ" + phonemes[vowel:]).replace("ˌˈ", "ˈ")


@cache
def load(accent: str) -> LetterToSound:
    """The model of an accent ("us" or "gb") as it is installed with the package."""
    file = resources.files(__package__) / "data" / f"letter_to_sound_{accent}.json.gz"
    content: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return LetterToSound(counts=content["counts"], order=content["order"])
