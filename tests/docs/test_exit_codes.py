"""docs/exit-codes.md says what the errors say of themselves."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import click

from auto_voice.cli import autovoice
from auto_voice.errors import AutoVoiceError
from documents import ROOT, table_rows

PAGE = ROOT / "docs" / "exit-codes.md"


def every_error(error: type[AutoVoiceError] = AutoVoiceError) -> Iterator[type[AutoVoiceError]]:
    yield error
    for kind in error.__subclasses__():
        yield from every_error(kind)


def documented() -> dict[int, set[str]]:
    """Codes by exit code."""
    rows = [row for row in table_rows(PAGE) if row[0].isdigit()]
    return {int(number): set(re.findall(r"`(\w+)`", codes)) for number, _, codes in rows}


def test_every_error_is_listed_under_its_exit_code_and_no_other() -> None:
    expected = defaultdict(set, {0: set(), click.UsageError.exit_code: {"invalid_parameters"}})
    for error in every_error():
        expected[error.exit_code].add(error.code)
    assert documented() == dict(expected)


def test_the_help_lists_the_same_exit_codes() -> None:
    assert autovoice.help is not None
    listing = autovoice.help.partition("Exit codes:")[2]
    assert set(documented()) == {int(number) for number in re.findall(r"\b\d+\b", listing)}
