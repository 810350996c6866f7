"""A rule of text normalisation: what it finds and what is said instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


class Rule:
    """A regular expression and its replacement (a template, or a function of the match)."""

    def __init__(self, pattern: str, spoken: str | Callable[[re.Match[str]], str], flags: int = 0) -> None:
        self._pattern = re.compile(pattern, flags)
        self._spoken = spoken

    def __call__(self, text: str) -> str:
        """Apply the rule everywhere in `text`."""
        return self._pattern.sub(self._spoken, text)


def apply(rules: Iterable[Rule], text: str) -> str:
    """Apply `rules` one after the other."""
    for rule in rules:
        text = rule(text)
    return text
