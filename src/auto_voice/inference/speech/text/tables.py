"""The tables of the English text rules, kept as data in `data/english.toml`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def table(name: str) -> dict[str, str]:
    """A table of text to text."""
    found: dict[str, str] = _all()[name]
    return found


def lists(name: str) -> dict[str, list[str]]:
    """A table of text to several texts."""
    found: dict[str, list[str]] = _all()[name]
    return found


def words(name: str) -> frozenset[str]:
    """A set of words."""
    return frozenset(_all()[name])


def either(names: Iterable[str]) -> str:
    """A regular expression for any of `names`, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))


@cache
def _all() -> dict[str, Any]:
    file = resources.files(__package__) / "data" / "english.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
