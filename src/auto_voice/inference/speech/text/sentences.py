"""Cut a text of any length into pieces to be spoken one after the other, with the pause after each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from auto_voice.inference.speech.text.cleaning import without_code
from auto_voice.inference.speech.text.normalise import normalise

LONGEST = 220
"""Characters of a piece at most: about 200 tokens, where the model's rhythm is best."""

SHORTEST = 24
"""Pieces shorter than this are joined with their neighbour: a lone word comes out hurried."""

FIRST = 48
"""Characters of the first piece at most, where a clause ends in time: it decides how soon sound is heard."""

PAUSES = {".": 0.42, "!": 0.42, "?": 0.45, "…": 0.5, ";": 0.3, ":": 0.3, "—": 0.25, ",": 0.18}
"""Seconds of silence after a piece, by the punctuation it ends with."""

PARAGRAPH_PAUSE = 0.75
HEADING_PAUSE = 0.9
_WITHIN_CLAUSE = 0.05

_RAW_BLOCK = 2000
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n\s*")
_BREAK = re.compile(r"[.!?]\s+(?=[A-Z])|\n")
_SENTENCE = re.compile(r"(?<=[.!?…])[)]?\s+")
_CLAUSE = re.compile(r"(?<=[,;:—)])\s+|\s+(?=[(])")
_JOINT = re.compile(r"\s+(?=(?:and|but|or|because|which|who|that|while|when|where|if|so|as|than|with|for|to|of|in)\b)")


@dataclass(frozen=True)
class Piece:
    """What is spoken in one breath.

    Attributes:
        text: words and punctuation.
        pause: seconds of silence after it.
        warnings: what was left out of the part of the text it comes from.
    """

    text: str
    pause: float
    warnings: tuple[str, ...] = ()


def pieces(text: str, *, british: bool = False) -> Iterator[Piece]:
    """Normalise and cut `text` lazily: the first piece is ready before the rest of the text is looked at.

    Yields nothing where nothing in the text can be read.
    """
    first = True
    for block in _blocks(text):
        spoken = normalise(block, british=british)
        warnings = spoken.warnings
        for paragraph in spoken.text.splitlines():
            parts = list(_paragraph(paragraph, short_start=first))
            for index, part in enumerate(parts):
                last = index == len(parts) - 1
                yield Piece(part, _pause(part, last), warnings)
                warnings = ()
            first = first and not parts


def _blocks(text: str) -> Iterator[str]:
    """Raw paragraphs; a very long one in several parts, so that memory and delay do not grow with it."""
    text = without_code(text)
    begin = 0
    for gap in chain(_BLANK_LINE.finditer(text), (None,)):
        end = gap.start() if gap else len(text)
        yield from _short_blocks(text, begin, end)
        begin = gap.end() if gap else end


def _short_blocks(text: str, begin: int, end: int) -> Iterator[str]:
    while end - begin > _RAW_BLOCK:
        block = text[begin : begin + _RAW_BLOCK]
        ends = [match.end() for match in _BREAK.finditer(block)]
        cut = ends[-1] if ends else block.rfind(" ")
        cut = cut if cut > 0 else _RAW_BLOCK
        yield block[:cut]
        begin += cut
    yield text[begin:end]


def _paragraph(paragraph: str, short_start: bool) -> Iterator[str]:
    waiting = ""
    for sentence in _SENTENCE.split(paragraph):
        for part in _fit(sentence, LONGEST):
            if short_start:
                head, rest = _quick_start(part)
                yield head
                short_start = False
                waiting = rest
            elif waiting and (len(waiting) < SHORTEST or len(part) < SHORTEST) and len(waiting) + len(part) < LONGEST:
                waiting = f"{waiting} {part}"
            else:
                if waiting:
                    yield waiting
                waiting = part
    if waiting:
        yield waiting


def _quick_start(part: str) -> tuple[str, str]:
    """Cut off a short first clause, where there is one and enough is left."""
    ends = [match.start() for match in _CLAUSE.finditer(part) if SHORTEST <= match.start() <= FIRST]
    if len(part) <= FIRST or not ends or len(part) - ends[-1] < SHORTEST:
        return part, ""
    return part[: ends[-1]], part[ends[-1] :].strip()


def _fit(text: str, longest: int) -> Iterator[str]:
    """Halve a long sentence at the best place near its middle until each part fits."""
    if len(text) <= longest:
        yield text
        return
    cut = _best_cut(text)
    yield from _fit(text[:cut].strip(), longest)
    yield from _fit(text[cut:].strip(), longest)


def _best_cut(text: str) -> int:
    middle = len(text) / 2
    for pattern, reach in ((_CLAUSE, 0.35), (_JOINT, 0.35), (re.compile(r"\s+"), 0.5)):
        places = [match.start() for match in pattern.finditer(text)]
        near = [place for place in places if abs(place - middle) <= reach * len(text) and place > 0]
        if near:
            return min(near, key=lambda place: abs(place - middle))
    return LONGEST  # one endless word


def _pause(part: str, last: bool) -> float:
    if last:
        return PARAGRAPH_PAUSE if part[-1] in ".!?…" else HEADING_PAUSE
    return PAUSES.get(part.rstrip(")")[-1:], _WITHIN_CLAUSE)
