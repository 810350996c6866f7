"""Take from a text what is there for the eye only: markup, emoji, typography, scripts that cannot be read."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from auto_voice.inference.text.rules import Rule, apply

_TYPOGRAPHY = str.maketrans(
    {
        "‘": "'", "’": "'", "ʼ": "'", "`": "'", "´": "'", "′": "'", "″": '"',
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‹": '"', "›": '"',
        "‐": "-", "‑": "-", "‒": "–", "―": "—", "−": "-", "…": "...", "⁄": "/",
        "²": "^2", "³": "^3", "•": "\n", "·": " ", "–": "–", "\u00ad": "", "\u200b": "", "\ufeff": "",
    }
)  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "delta", "ε": "epsilon", "θ": "theta",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "Σ": "sigma", "τ": "tau", "φ": "phi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "Ω": "omega",
}  # fmt: skip

_SCRIPTS = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}

_MARKUP = [
    Rule(r"(?ms)^\s*(```|~~~).*?^\s*\1[^\n]*$", "\n"),  # a block of code is not for reading aloud
    Rule(r"(?s)<!--.*?-->|<[/!]?[A-Za-z][^<>]{0,200}>", " "),
    Rule(r"!?\[([^\]\n]*)\]\([^)\s]*(?:\s\"[^\"]*\")?\)", r"\1"),
    Rule(r"(?m)^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$", r"\n\1\n"),
    Rule(r"(?m)^\s*(?:[-*_]\s*){3,}$", "\n"),
    Rule(r"(?m)^\s*\|?(?:\s*:?-{2,}:?\s*\|)+\s*:?-*:?\s*$", "\n"),
    Rule(r"(?m)^\s*(?:[-*+]|>+)\s+", "\n"),
    Rule(r"(\*\*\*|\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1", r"\2"),
    Rule(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"\1"),
    Rule(r"(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)", r"\1"),
    Rule(r"(?<!\w)'([^'\n]+)'(?!\w)", r"\1"),  # quotes, and code (its backticks are quotes by now)
    Rule(r"(?m)^\s*\|(.*)\|\s*$", r"\1"),
    Rule(r"\s\|\s", ", "),
]


@dataclass(frozen=True)
class Cleaned:
    """A text without what cannot be read.

    Attributes:
        text: what is left.
        unread: the names of the scripts of letters that were left out ("Cyrillic", "Chinese"), in order of
            appearance.
    """

    text: str
    unread: tuple[str, ...]


def clean(text: str) -> Cleaned:
    """Remove markup and emoji, unify typography, leave out letters of scripts other than Latin."""
    text = re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", " ", text).translate(_TYPOGRAPHY)
    text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY)
    text = apply(_MARKUP, text)
    unread: dict[str, None] = {}
    return Cleaned("".join(_readable(each, unread) for each in text), tuple(unread))


def _readable(character: str, unread: dict[str, None]) -> str:
    """The character, what is said for it, or a blank."""
    if character.isascii():
        return character if character.isprintable() or character == "\n" else " "
    if character in _GREEK:
        return f" {_GREEK[character]} "
    kind = unicodedata.category(character)
    if kind[0] in "LM" or kind in ("Nd", "Nl", "No"):
        script = unicodedata.name(character, "UNKNOWN").split()[0]
        if script in ("LATIN", "COMBINING", "MODIFIER"):
            return character
        if kind == "Nd":
            return str(unicodedata.decimal(character))
        if kind[0] == "L":
            unread.setdefault(_SCRIPTS.get(script, script.title()))
        return " "
    return character if character in "–—°€£¥₹¢‰×÷±≈≠≤≥→©®™§µ¿¡" else " "
