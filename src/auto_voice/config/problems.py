"""What is wrong with a configuration, told so that it can be put right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auto_voice.errors import ConfigurationError

_MOST_SHOWN = 50

Key = tuple[str, ...]
"""A setting's place in the tree: ("server", "port")."""


@dataclass(frozen=True)
class Problem:
    """One thing to put right.

    Attributes:
        place: `file:line`, or the name of an environment variable.
        key: the setting, as `section.key`; empty when the whole file is meant.
        message: what is wrong, and the nearest valid key or the choices.
    """

    place: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.key, self.message) if part)


class SettingsError(ConfigurationError):
    """The configuration is not valid; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems[:_MOST_SHOWN])
        if len(problems) > _MOST_SHOWN:
            lines += f"\n  … and {len(problems) - _MOST_SHOWN} more"
        super().__init__(
            f"{count} in the configuration:\n{lines}",
            suggestions=["`autovoice config reference` prints every setting with its choices."],
        )


def dotted(key: Iterable[object]) -> str:
    """("security", "allowed_origins", 1) as security.allowed_origins[1]."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean ...?`, or nothing when no choice is near."""
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
