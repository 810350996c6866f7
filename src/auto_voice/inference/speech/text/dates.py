"""Dates and times of day in words."""

from __future__ import annotations

import re

from auto_voice.inference.speech.text.numbers import cardinal, decade, ordinal, year
from auto_voice.inference.speech.text.rules import Rule

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BY_NAME = {name[:length].lower(): name for name in MONTHS for length in (3, len(name))} | {"sept": "September"}
_MONTH = r"(?P<month>" + "|".join(sorted((name.capitalize() for name in _BY_NAME), key=len, reverse=True)) + r")"
_SHORT_DAY = re.compile(r"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?:\.,?|,)(?=\s)")
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?P<year>1\d{3}|20\d{2})"
_HALF = r"(?:\s?(?P<half>[AaPp])\.?[Mm]\b(?:\.(?=\s+[a-z(]|,))?)"


def _date(month: str, day: str, year_text: str | None) -> str:
    words = f"{month} {ordinal(day)}"
    return f"{words}, {year(int(year_text))}" if year_text else words


def _iso(match: re.Match[str]) -> str:
    hour = match["hour"]
    at = f" at {_clock(int(hour), int(match['minute']), None)}" if hour else ""
    return _date(MONTHS[int(match["month"]) - 1], match["day"], match["year"]) + at


def _month_first(match: re.Match[str]) -> str:
    return _date(_BY_NAME[match["month"].lower()], match["day"], match["year"])


def _day_first(match: re.Match[str]) -> str:
    words = f"{'' if match['the'] else 'the '}{match['the'] or ''}{ordinal(match['day'])} of "
    words += _BY_NAME[match["month"].lower()]
    return f"{words}, {year(int(match['year']))}" if match["year"] else words


def _month_year(match: re.Match[str]) -> str:
    return f"{_BY_NAME[match['month'].lower()]} {year(int(match['year']))}"


def _slashed(day_first: bool) -> Rule:
    def speak(match: re.Match[str]) -> str:
        first, second = int(match["first"]), int(match["second"])
        swap = (day_first or first > 12) and second <= 12
        month, day = (second, first) if swap else (first, second)
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return match[0]
        full = match["year"] if len(match["year"]) == 4 else "20" + match["year"]
        return _date(MONTHS[month - 1], str(day), full)

    return Rule(r"\b(?P<first>\d{1,2})([/.])(?P<second>\d{1,2})\2(?P<year>\d{4}|\d\d)\b", speak)


def _clock(hour: int, minute: int, half: str | None) -> str:
    if minute:
        words = f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif half:
        words = cardinal(hour)
    else:
        words = f"{cardinal(hour)} o'clock" if 1 <= hour <= 12 else f"{cardinal(hour)} hundred"
    return f"{words} {half.upper()}M" if half else words


def _time(match: re.Match[str]) -> str:
    return _clock(int(match["hour"]), int(match["minute"] or 0), match["half"])


def _duration(match: re.Match[str]) -> str:
    parts = [(match["hours"], "hour"), (match["minutes"], "minute"), (match["seconds"], "second")]
    return ", ".join(f"{cardinal(n)} {unit}{'' if int(n) == 1 else 's'}" for n, unit in parts if int(n))


def _weekday(match: re.Match[str]) -> str:
    return next(name for name in _WEEKDAYS if name.startswith(match[1][:3])) + ","


_MINUTE = r"(?P<minute>[0-5]\d)"
_HOUR = r"(?P<hour>[01]?\d|2[0-4])"


def rules(day_first: bool) -> list[Rule]:
    """In the order in which they apply. `day_first`: 3/4/2026 is the third of April, in British order."""
    return [
        Rule(
            r"\b(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])"
            rf"(?:[T ]{_HOUR}:{_MINUTE}(?::\d\d(?:\.\d+)?)?Z?)?\b",
            _iso,
        ),
        Rule(rf"\b{_MONTH}\.? {_DAY}(?:st|nd|rd|th)?\b(?:,? {_YEAR}\b)?(?![:\d])", _month_first),
        Rule(rf"\b(?P<the>the )?{_DAY}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b\.?(?:,? {_YEAR}\b)?", _day_first),
        Rule(rf"\b{_MONTH}\.?,? {_YEAR}\b", _month_year),
        _slashed(day_first),
        Rule(_SHORT_DAY.pattern, _weekday),
        Rule(r"\b(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)\b", _duration),
        Rule(r"(?<=\d)\s?[-–]\s?(?=\d{1,2}(?::[0-5]\d)?\s?[AaPp]\.?[Mm]\b|\d{1,2}:[0-5]\d\b)", " to "),
        Rule(rf"\b{_HOUR}\.{_MINUTE}{_HALF}(?!\d)", _time),
        Rule(rf"\b{_HOUR}:{_MINUTE}\b{_HALF}?(?!\d)", _time),
        Rule(rf"\b(?P<hour>1[0-2]|[1-9])(?P<minute>){_HALF}", _time),
        Rule(r"\b(\d{2}(?:\d0|00)|[2-9]0)'?s\b", lambda match: decade(int(match[1]))),
        Rule(r"(?<!\w)'(\d0)s\b", lambda match: decade(int(match[1]))),
    ]
