"""Money, measures and bare numbers in words."""

from __future__ import annotations

import re

from auto_voice.inference.speech.text.numbers import NUMBER, cardinal, digits, fraction, ordinal, spoken, year
from auto_voice.inference.speech.text.rules import Rule
from auto_voice.inference.speech.text.tables import either, lists, table

_CURRENCIES = lists("currencies")
_MAGNITUDES = table("magnitudes")
_UNITS = table("units")
_IRREGULAR = table("irregular_plurals")
_PER = table("per")
_SIGN = either(_CURRENCIES)
_CODES = either(sign for sign in _CURRENCIES if sign.isalpha())
_SCALE = rf"(?:\s?(?P<scale>thousand|million|billion|trillion|{either(_MAGNITUDES)}|K|M|B|T)\b)?"


def _many(unit: str) -> str:
    """The plural: "mile per hour" becomes "miles per hour", "degree Celsius" "degrees Celsius"."""
    if unit in _IRREGULAR:
        return _IRREGULAR[unit]
    for joint in (" per ", " Celsius", " Fahrenheit"):
        head, found, tail = unit.partition(joint)
        if found:
            return f"{head}s{found}{tail}"
    return unit + "s"


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = _CURRENCIES[match["sign"]]
    minus = "minus " if match["minus"] else ""
    scale, amount = match["scale"], match["amount"].replace(",", "")
    if scale:
        return f"{minus}{spoken(amount)} {_MAGNITUDES.get(scale.lower(), scale)} {many}"
    whole, _, hundredths = amount.partition(".")
    if len(hundredths) != 2 or not cent:
        return f"{minus}{spoken(amount)} {one if amount == '1' else many}"
    parts = [(int(whole or 0), one, many), (int(hundredths), cent, cents)]
    said = [f"{cardinal(n)} {name if n == 1 else names}" for n, name, names in parts if n]
    return minus + (" and ".join(said) or f"zero {many}")


def _money_range(match: re.Match[str]) -> str:
    return f"{spoken(match['from'])} to {_money(match)}"


def _measure(match: re.Match[str]) -> str:
    unit, amount = _UNITS[match["unit"]], match["amount"].replace(",", "")
    power = {"2": "square ", "3": "cubic "}.get(match["power"] or "", "")
    name = unit if amount in ("1", "-1") else _many(unit)
    per = f" per {_PER[match['per']]}" if match["per"] else ""
    said = spoken(amount.lstrip("-"))
    scale = f"{match['scale']} " if match["scale"] else ""
    return f"{'minus ' if amount.startswith('-') else ''}{said} {scale}{power}{name}{per}"


def _phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    return ("plus " if match[0].startswith("+") else "") + ", ".join(digits(group) for group in groups)


def _fraction(match: re.Match[str]) -> str:
    top, bottom = int(match["top"]), int(match["bottom"])
    whole = f"{spoken(match['whole'])} and " if match["whole"] else ""
    if not whole and top >= bottom and bottom < 32:  # 24/7, 9/11: no fraction, a name
        return f"{cardinal(top)} {cardinal(bottom)}"
    said = fraction(top, bottom)
    return f"{whole}{'a' + said[3:] if whole and top == 1 else said}"


def _dotted(match: re.Match[str]) -> str:
    parts = match[0].split(".")
    return (" dot " if len(parts) == 4 else " point ").join(cardinal(part) for part in parts)


def _plain(match: re.Match[str]) -> str:
    text = match[0]
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", text):
        return year(int(text))
    return digits(text) if len(text) > 9 and text.isdecimal() else spoken(text)


_AMOUNT = rf"(?P<amount>{NUMBER})"
_STANDS_ALONE = r"(?<![\w.,])"
_ENDS = r"(?![\w])"

RULES = [
    Rule(rf"(?<!\w)(?P<sign>{_SIGN})(?P<from>{NUMBER})\s?[-–]\s?(?:{_SIGN})?{_AMOUNT}{_SCALE}(?P<minus>)",
         _money_range),
    Rule(rf"(?P<minus>(?<!\w)[-−])?(?<!\w)(?P<sign>{_SIGN})\s?{_AMOUNT}{_SCALE}", _money),
    Rule(rf"(?P<minus>(?<!\w)[-−])?\b{_AMOUNT}{_SCALE}\s?(?P<sign>[€£]|{_CODES})(?!\w)", _money),
    Rule(r"(?<=[a-z])/(?=(?:hour|day|week|month|year|person|hr|mo|yr)\b)", " per "),
    Rule(r"(?<![\w-])(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[.-]\d{4}(?![\w-])", _phone),
    Rule(r"(?<![\w.,-])\d{3}-\d{4}(?![\w-])", _phone),
    Rule(r"(?<!\w)\+\d{1,3}(?:[ .-]?\(?\d{2,4}\)?){2,5}(?!\w)", _phone),
    Rule(r"\b(\d{1,3})'\s?(\d{1,2})(?:\"|'')", lambda m: f"{cardinal(m[1])} foot {cardinal(m[2])}"),
    Rule(rf"(?<![\w]){_AMOUNT}\"(?=[\s.,;:!?)]|$)", lambda m: f"{spoken(m['amount'])} inches"),
    Rule(r"(?<=\d)\s?[–-]\s?(?=\d+(?:\.\d+)?\s?(?:%|°))", " to "),
    Rule(rf"{_STANDS_ALONE}(?P<amount>(?:(?<!\w)[-−])?{NUMBER})[ -]?(?:(?P<scale>thousand|million|billion) )?"
         rf"(?P<unit>{either(_UNITS)})"
         rf"(?:\^?(?P<power>[23]))?(?:/(?P<per>{either(_PER)}))?{_ENDS}", _measure),
    Rule(r"\b(\d+)(?:st|nd|rd|th)\b", lambda match: ordinal(match[1])),
    Rule(r"(?<![\w/])(?:(?P<whole>\d+)[ -])?(?P<top>\d{1,3})/(?P<bottom>\d{1,3})(?![\w/])", _fraction),
    Rule(rf"\b({NUMBER})\s?[eE]([+-]?\d{{1,3}})\b",
         lambda m: f"{spoken(m[1])} times ten to the power of {cardinal(m[2].lstrip('+'))}"),
    Rule(rf"\b({NUMBER})\s?\^\s?2\b", lambda m: f"{spoken(m[1])} squared"),
    Rule(rf"\b({NUMBER})\s?\^\s?3\b", lambda m: f"{spoken(m[1])} cubed"),
    Rule(rf"\b({NUMBER})\s?\^\s?(-?\d+)", lambda m: f"{spoken(m[1])} to the power of {cardinal(m[2])}"),
    Rule(r"\b\d+(?:\.\d+){2,}\b", _dotted),
    Rule(r"(?<=\d)\s?[x×]\s?(?=\d)", " by "),
    Rule(r"(?<=\d)x\b", " times"),
    Rule(r"(?<=\d)\s?[–-]\s?(?=\d)", " to "),
    Rule(r"(?<=\d)\s*\*\s*(?=\d)", " times "),
    Rule(r"(?<=\d)\s+[-−]\s+(?=\d)", " minus "),
    Rule(r"(?<![\w)])[-−](?=\.?\d)", "minus "),
    Rule(r"(?<![\w.])\.(?=\d)", "0."),
    Rule(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])-?(?=\d)", " "),
    Rule(NUMBER, _plain),
]  # fmt: skip
"""In the order in which they apply; the last one reads every number that is left."""
