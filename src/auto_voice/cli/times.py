"""Times and durations as the service's commands take and show them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhdwy])")


def duration(text: str) -> float:
    """The seconds of `90d`, `12h`, `30m`; serves as the type of an option."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a time like 90d, 12h or 30m (s, m, h, d, w, y)")
    return float(match[1]) * _SECONDS[match[2]]


def shown(moment: float | None, otherwise: str = "") -> str:
    """Epoch seconds as the local time, to the minute."""
    return (
        otherwise if moment is None else f"{datetime.fromtimestamp(moment, timezone.utc).astimezone():%Y-%m-%d %H:%M}"
    )


def iso(moment: float | None) -> str | None:
    """Epoch seconds in ISO 8601, UTC, as JSON documents have it."""
    return None if moment is None else datetime.fromtimestamp(moment, timezone.utc).isoformat()
