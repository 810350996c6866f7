"""Reads the project's Markdown, so that tests can hold what it says against what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")


def code_blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [code for name, code in _FENCE.findall(document.read_text("utf-8")) if name == language]


def inline_code(document: Path) -> list[str]:
    """What stands between backticks in the text."""
    return _INLINE.findall(_FENCE.sub("", document.read_text("utf-8")))


def commands(document: Path) -> list[str]:
    """Command lines shown, in blocks or in the text: without comments, and without the folder of the program."""
    lines = [line for block in code_blocks(document, "bash") for line in block.splitlines()]
    return [line.split("  #")[0].strip().removeprefix(".venv/bin/") for line in [*lines, *inline_code(document)]]


def table_rows(document: Path) -> Iterator[list[str]]:
    """The cells of every row of every table, headers included."""
    for line in document.read_text("utf-8").splitlines():
        if line.startswith("|") and not set(line) <= set("|-: "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def linked_files(document: Path) -> list[str]:
    """Targets of links and pictures that are files of the project."""
    found = re.findall(r"\]\(([^)#\s]+)", document.read_text("utf-8"))
    return [link for link in found if not re.match(r"\w+:", link)]
