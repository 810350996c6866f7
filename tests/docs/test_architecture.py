"""ARCHITECTURE.md draws the tree as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from documents import ROOT, code_blocks

PACKAGE = ROOT / "src" / "auto_voice"


def drawn() -> Iterator[Path]:
    """Every path of the tree, found by indentation."""
    [tree] = [block for block in code_blocks(ROOT / "ARCHITECTURE.md", "") if block.startswith("src/")]
    folders: list[tuple[int, Path]] = []
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        folders = [(depth, folder) for depth, folder in folders if depth < indent]
        path = (folders[-1][1] if folders else ROOT) / line.split()[0]
        folders.append((indent, path))
        yield path


def test_everything_drawn_is_there() -> None:
    assert [path for path in drawn() if not path.exists()] == []


def test_every_module_of_the_package_is_drawn() -> None:
    modules = {path for path in PACKAGE.iterdir() if not path.name.startswith("__") and path.name != "py.typed"}
    assert modules - set(drawn()) == set()


def test_every_stage_is_drawn() -> None:
    folders = {path for path in (PACKAGE / "inference").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - set(drawn()) == set()
