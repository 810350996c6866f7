"""Take from a text what is there for the eye only: markup, emoji, typography, scripts that cannot be read."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from auto_voice.inference.speech.text.rules import Rule, apply

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

_LATIN = {"ß": "ss", "ẞ": "SS", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th", "ð": "th", "Ð": "Th", "ŋ": "ng", "ı": "i"}
_PLAIN_LETTER = re.compile(r"LATIN (SMALL|CAPITAL) LETTER ([A-Z]{1,2})(?: WITH .*)?")

_SCRIPTS = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}

_CODE = re.compile(r"(?ms)^[ \t]*(```|~~~).*?^[ \t]*\1[^\n]*$")
# What may be long has a limit: a text of openings without their ends would take the square of its length otherwise.
_MARKUP = [
    Rule(r"(?s)<!--.{0,2000}?-->|<[/!]?[A-Za-z][^<>]{0,200}>", " "),
    Rule(r"!?\[([^\]\n]{0,300})\]\([^)\s]{0,1000}(?:\s\"[^\"]{0,300}\")?\)", r"\1"),
    Rule(r"(?m)^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", r"\n\1\n"),
    Rule(r"(?m)^[ \t]*(?:[-*_][ \t]*){3,}$", "\n"),
    Rule(r"(?m)^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+[ \t]*:?-*:?[ \t]*$", "\n"),
    Rule(r"(?m)^[ \t]*(?:[-*+]|>+)[ \t]+", "\n"),
    Rule(r"(\*\*\*|\*\*|__|~~)(?=\S)(.{1,1000}?)(?<=\S)\1", r"\2"),
    Rule(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"\1"),
    Rule(r"(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)", r"\1"),
    Rule(r"(?<!\w)'([^'\n]+)'(?!\w)", r"\1"),  # quotes, and code (its backticks are quotes by now)
    Rule(r"(?m)^[ \t]*\|(.*)\|[ \t]*$", r"\1"),
    Rule(r"[ \t]\|[ \t]", ", "),
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


def without_code(text: str) -> str:
    """Leave out blocks of code: they are not for reading aloud."""
    return _CODE.sub("\n", text)


def clean(text: str) -> Cleaned:
    """Remove markup and emoji, unify typography, leave out letters of scripts other than Latin."""
    text = without_code(text)
    text = re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", " ", text).translate(_TYPOGRAPHY)
    text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY)
    text = apply(_MARKUP, re.sub(r"[^\S\n]+", " ", text))
    unread: dict[str, None] = {}
    readable = "".join(_readable(each, unread) for each in text)
    return Cleaned(re.sub(r" +", " ", re.sub(r"\s*\n\s*", "\n", readable)), tuple(unread))


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
            return _latin(character)
        if kind == "Nd":
            return str(unicodedata.decimal(character))
        if kind[0] == "L":
            unread.setdefault(_SCRIPTS.get(script, script.title()))
        return " "
    return character if character in "–—°€£¥₹¢‰×÷±≈≠≤≥→©®™§µ¿¡" else " "


def _latin(character: str) -> str:
    """A Latin letter with accents as it is, for the dictionary; one with strokes or hooks as plain letters."""
    if unicodedata.combining(character) or unicodedata.normalize("NFKD", character)[0].isascii():
        return character
    if character in _LATIN:
        return _LATIN[character]
    plain = _PLAIN_LETTER.fullmatch(unicodedata.name(character))
    if plain is None:  # a phonetic sign: no letter of any word
        return " "
    return plain[2].lower() if plain[1] == "SMALL" else plain[2]
