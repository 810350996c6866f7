"""The pronunciation dictionary: misaki's word lists, read as data.

misaki (https://github.com/hexgrad/misaki, Apache-2.0) is the dictionary that Kokoro was trained with. Only
its word lists are used; its own English reader needs a part-of-speech model that the package registries do
not carry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

Reading = str | Mapping[str, str | None]
"""Phonemes, or phonemes by part of speech with the usual ones under DEFAULT."""


def load_entries(accent: str, quality: str) -> dict[str, Reading]:
    """One word list as it stands: accent "us" or "gb"; quality "gold" (checked by hand) or "silver"."""
    file = resources.files("misaki.data") / f"{accent}_{quality}.json"
    entries: dict[str, Reading] = json.loads(file.read_text(encoding="utf-8"))
    return entries


@cache
def load(accent: str) -> dict[str, Reading]:
    """Every word of an accent; where both lists have a word, the hand-checked reading counts."""
    return {**load_entries(accent, "silver"), **load_entries(accent, "gold")}
