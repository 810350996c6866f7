"""Written English to spoken English: "Dr. Lee paid $3.50 on 2026-11-23" to what a reader would say aloud.

Rules in tables, applied in order: what the eye needs and the ear does not goes first, then addresses and
abbreviations, dates and times, money and measures, bare numbers, and last the symbols that are left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from auto_voice.inference.speech.text import dates, names, quantities
from auto_voice.inference.speech.text.cleaning import clean
from auto_voice.inference.speech.text.rules import Rule, apply

_PUNCTUATION = [
    Rule(r"[\[{]", "("),
    Rule(r"[\]}]", ")"),
    Rule(r'"', ""),
    Rule(r"(?<!\w)'|'(?!\w)(?<![sn]')", ""),
    Rule(r"\.{2,}", "…"),
    Rule(r"\s*—\s*|\s+–\s+|\s+-+\s+|--+", " — "),
    Rule(r"–", "-"),
    Rule(r"(?<!\w)-+|-+(?!\w)", " "),
    Rule(r"([!?])[!?.,…]*", r"\1"),
    Rule(r"([,;:])[,;:]+", r"\1"),
    Rule(r"[,;:]+(?=[.!?…])", ""),
    Rule(r"\(\s*\)", ""),
    Rule(r"[^\S\n]+", " "),
    Rule(r" (?=[.,;:!?…)])", ""),
    Rule(r"(?<=\() ", ""),
    Rule(r"(?m)^[ .,;:!?…)—-]+|[ ,;:(—-]+$", ""),
]


@dataclass(frozen=True)
class Spoken:
    """A text in words.

    Attributes:
        text: words of Latin letters and the punctuation `. , ; : ! ? … — ( ) ' -`; a line break ends a
            paragraph, a heading or an item. Empty if nothing in the text can be read.
        warnings: sentences for the user about what was left out.
    """

    text: str
    warnings: tuple[str, ...]


@cache
def _rules(day_first: bool) -> tuple[Rule, ...]:
    return (*names.FIRST, *dates.rules(day_first), *quantities.RULES, *names.LAST, *_PUNCTUATION)


def normalise(text: str, *, british: bool = False) -> Spoken:
    """Write out everything that is not read as it is written.

    Args:
        text: plain text or light Markdown, English.
        british: 3/4/2026 is the third of April.
    """
    cleaned = clean(text)
    # One blank for many: where a picture or a foreign letter was left out, rules would walk through the gaps.
    lines = [apply(_rules(british), " ".join(line.split())) for line in cleaned.text.splitlines()]
    warnings = tuple(f"{script} letters were left out" for script in cleaned.unread)
    spoken = "\n".join(line.strip() for line in lines if re.search(r"\w", line))
    return Spoken(spoken, warnings)
