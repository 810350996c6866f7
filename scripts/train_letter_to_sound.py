"""Learn the letter-to-sound models from the pronunciation dictionary, and measure them on words held back.

    python scripts/train_letter_to_sound.py us gb --measure

Writes `src/auto_voice/inference/speech/text/data/letter_to_sound_<accent>.json.gz`. Pairs of letter and phonemes
come from an expectation-maximisation alignment (each letter stands for 0 to 3 sounds); the n-grams are
counted on them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

from auto_voice.inference.speech.text.letter_to_sound import START, LetterToSound, units
from auto_voice.inference.speech.text.lexicon import load_entries

FOLDER = Path(__file__).parents[1] / "src/auto_voice/inference/speech/text/data"
MOST_SOUNDS = 3
ORDER = 6
Pairs = list[tuple[str, str]]
Odds = dict[tuple[str, str], float]


def words(accent: str) -> list[tuple[str, list[str]]]:
    """Spellings and sounds worth learning from: plain words of more than one letter with a single reading."""
    gold = load_entries(accent, "gold")
    found = [(word.lower(), sounds) for word, sounds in gold.items() if isinstance(sounds, str)]
    return [(word, units(sounds)) for word, sounds in found if re.fullmatch("[a-z]{2,}", word) and "ˈ" in sounds]


def align(letters: str, sounds: list[str], odds: Odds) -> Pairs | None:
    """The most likely pairing under `odds`; None where the sounds cannot be spread over the letters."""
    best: dict[int, tuple[float, Pairs]] = {0: (0.0, [])}
    for letter in letters:
        grown: dict[int, tuple[float, Pairs]] = {}
        for end, (score, pairs) in best.items():
            for count in range(min(MOST_SOUNDS, len(sounds) - end) + 1):
                pair = (letter, "".join(sounds[end : end + count]))
                total = score + odds.get(pair, -14.0 - 3.0 * count)
                if end + count not in grown or total > grown[end + count][0]:
                    grown[end + count] = (total, [*pairs, pair])
        best = grown
    return best[len(sounds)][1] if len(sounds) in best else None


def learn_odds(examples: list[tuple[str, list[str]]], rounds: int = 6) -> Odds:
    """Log probability of each pair, from hard expectation-maximisation started at one sound a letter."""
    odds: Odds = {}
    for letters, sounds in examples:
        if len(letters) == len(sounds):
            for letter, sound in zip(letters, sounds, strict=True):
                odds[letter, sound] = odds.get((letter, sound), 0.0) + 1.0
    odds = _normalised(Counter(odds))
    for letter in "abcdefghijklmnopqrstuvwxyz":
        odds.setdefault((letter, ""), -3.0)
    for _ in range(rounds):
        counted: Counter[tuple[str, str]] = Counter()
        for letters, sounds in examples:
            counted.update(align(letters, sounds, odds) or [])
        odds = _normalised(counted)
    return odds


def _normalised(counted: Counter[tuple[str, str]]) -> Odds:
    totals: Counter[str] = Counter()
    for (letter, _), count in counted.items():
        totals[letter] += int(count)
    return {pair: math.log(count / totals[pair[0]]) for pair, count in counted.items() if count >= 2}


def count_ngrams(aligned: list[Pairs], order: int) -> dict[str, dict[str, int]]:
    """How often each pair follows each history; histories seen once say nothing more than shorter ones."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pairs in aligned:
        names = [START, *(f"{letter}|{sounds}" for letter, sounds in pairs), START]
        for index in range(1, len(names)):
            for length in range(min(order - 1, index) + 1):
                counts[" ".join(names[index - length : index])][names[index]] += 1
    kept = {}
    for history, followers in counts.items():
        total = sum(followers.values())
        if history.count(" ") < 2 or total >= 4:
            often = {pair: count for pair, count in followers.items() if count >= 2 or history.count(" ") < 2}
            kept[history] = {**often, "*": total}
    return kept


def main() -> None:
    """Train the accents asked for; with --measure, first report on a tenth held back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("accents", nargs="+", choices=("us", "gb"))
    parser.add_argument("--measure", action="store_true")
    arguments = parser.parse_args()
    for accent in arguments.accents:
        examples = words(accent)
        random.Random(1).shuffle(examples)
        odds = learn_odds(examples[::4])
        aligned = [align(letters, sounds, odds) for letters, sounds in examples]
        if arguments.measure:
            held = len(examples) // 10
            model = LetterToSound(count_ngrams([p for p in aligned[held:] if p], ORDER), ORDER)
            tests = examples[: min(held, 2000)]
            right = sum(model(letters) == "".join(sounds) for letters, sounds in tests)
            plain = sum(re.sub("[ˈˌ]", "", model(letters)) == re.sub("[ˈˌ]", "", "".join(s)) for letters, s in tests)
            print(f"{accent}: of {len(tests)} unseen words, {right / len(tests):.1%} right with stress,")
            print(f"    {plain / len(tests):.1%} right in their sounds")
        content = {"order": ORDER, "counts": count_ngrams([pairs for pairs in aligned if pairs], ORDER)}
        FOLDER.mkdir(exist_ok=True)
        packed = gzip.compress(json.dumps(content, ensure_ascii=False).encode(), mtime=0)
        (FOLDER / f"letter_to_sound_{accent}.json.gz").write_bytes(packed)
        print(f"{accent}: {len(examples)} words, {len(content['counts'])} histories, {len(packed) >> 10} KiB")


if __name__ == "__main__":
    main()
