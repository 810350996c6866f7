"""Numbers in words, as English speakers say them."""

from __future__ import annotations

import re
from functools import lru_cache

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
"""A plain number as it is written: 7 · 1,234 · 3.5"""

_LONGEST = 15  # digits; beyond this nobody says "quadrillion", the digits are read one by one
_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", " thousand", " million", " billion", " trillion")
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_ORDINALS["twelve"] = "twelfth"
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN_FORM = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


@lru_cache(maxsize=10_000)
def cardinal(number: int | str) -> str:
    """1234 is "one thousand two hundred thirty-four"; takes thousands separators and a sign."""
    text = str(number).replace(",", "")
    negative, text = text.startswith("-"), text.lstrip("-")
    words = digits(text) if len(text) > _LONGEST else _amount(int(text))
    return f"minus {words}" if negative else words


def _amount(number: int) -> str:
    """An amount of up to 15 digits, in groups of three."""
    if number == 0:
        return _SMALL[0]
    groups = []
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            groups.append(_below_thousand(group) + scale)
    return " ".join(reversed(groups))


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if 0 < rest < 20:
        parts.append(_SMALL[rest])
    elif rest:
        parts.append(_TENS[rest // 10] + (f"-{_SMALL[rest % 10]}" if rest % 10 else ""))
    return " ".join(parts)


def ordinal(number: int | str) -> str:
    """21 is "twenty-first"."""
    words = cardinal(number)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    if last in _ORDINALS:
        return words[:start] + _ORDINALS[last]
    return words[:-1] + "ieth" if last.endswith("y") else words + "th"


def digits(text: str) -> str:
    """The digits of "555": "five five five"; anything that is no digit is skipped."""
    return " ".join(cardinal(int(each)) for each in text if each.isdecimal())


def spoken(number: str) -> str:
    """A number as written, with decimals and separators: "1,234.50" is "... point five zero"."""
    whole, _, decimals = number.partition(".")
    words = cardinal(whole or "0") if not _is_code(whole) else digits(whole)
    return f"{words} point {digits(decimals)}" if decimals else words


def _is_code(whole: str) -> bool:
    """Whether digits are a label rather than an amount: 007."""
    return len(whole) > 1 and whole.startswith("0")


def year(number: int) -> str:
    """1905 is "nineteen oh five", 2005 "two thousand five", 2026 "twenty twenty-six"."""
    century, rest = divmod(number, 100)
    if number % 1000 < 10 or not 1000 <= number <= 9999:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def decade(number: int) -> str:
    """1990 is "nineteen nineties", 90 "nineties", 1900 "nineteen hundreds"."""
    words = cardinal(number) if number < 100 else year(number)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def fraction(top: int, bottom: int) -> str:
    """3/4 is "three quarters"; bottoms that have no everyday name are "over"."""
    if bottom > 100 or bottom < 2:
        return f"{cardinal(top)} over {cardinal(bottom)}"
    one, many = {2: ("half", "halves"), 4: ("quarter", "quarters")}.get(
        bottom, (ordinal(bottom), ordinal(bottom) + "s")
    )
    return f"{cardinal(top)} {one if top == 1 else many}"


def roman(text: str) -> int | None:
    """XIV is 14; None if the letters are no well-formed numeral."""
    if not text or not _ROMAN_FORM.fullmatch(text):
        return None
    values = [_ROMAN[letter] for letter in text]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))
