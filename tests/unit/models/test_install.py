"""One model's folder: whole or not there, checked, repaired; from a plain folder of files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from auto_voice.errors import ModelLoadError, StorageError
from auto_voice.models.catalogue import ModelEntry, ModelFile
from auto_voice.models.install import install, is_installed, remove_stale_work, verify
from auto_voice.models.sources import Advance, FolderSource, Source, Stop
from auto_voice.models.steps import STEPS
from model_carriers import entry_of

CONTENTS = {"a.bin": b"first file", "b.bin": b"second"}


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder that has the files."""
    folder = tmp_path / "shelf" / "tiny"
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return folder.parent


class Counting:
    """A folder that remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.inner = FolderSource(folder, "tiny")
        self.asked: list[str] = []

    def __str__(self) -> str:
        return "counting"

    def serves(self, file: ModelFile) -> bool:
        return True

    def fetch(self, file: ModelFile, target: Path, advance: Advance) -> None:
        self.asked.append(file.name)
        self.inner.fetch(file, target, advance)


def put(entry: ModelEntry, models_dir: Path, sources: Sequence[Source], *, force: bool = False) -> bool:
    return install(entry, models_dir, sources, force=force, report=lambda state, done: None, stop=Stop())


def test_an_installed_model_has_its_files_and_a_record(models_dir: Path, shelf: Path) -> None:
    entry = entry_of(CONTENTS)
    assert put(entry, models_dir, [FolderSource(shelf, "tiny")])
    assert is_installed(entry, models_dir)
    assert verify(entry, models_dir) == []
    assert {path.name for path in (models_dir / "tiny").iterdir()} == {*CONTENTS, "installed.json"}


def test_what_is_there_is_not_asked_for_again(models_dir: Path, shelf: Path) -> None:
    entry, source = entry_of(CONTENTS), Counting(shelf)
    put(entry, models_dir, [source])
    assert not put(entry, models_dir, [source])
    assert source.asked == ["a.bin", "b.bin"]
    assert put(entry, models_dir, [source], force=True)
    assert source.asked == ["a.bin", "b.bin"] * 2


def test_only_the_damaged_file_is_asked_for_again(models_dir: Path, shelf: Path) -> None:
    entry, source = entry_of(CONTENTS), Counting(shelf)
    put(entry, models_dir, [source])
    (models_dir / "tiny" / "b.bin").write_bytes(b"short")
    assert put(entry, models_dir, [source])
    assert source.asked == ["a.bin", "b.bin", "b.bin"]
    assert verify(entry, models_dir) == []


def test_the_next_source_serves_where_one_is_wrong(models_dir: Path, shelf: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.bin").write_bytes(b"FIRST FILE")  # right size, wrong bytes
    entry = entry_of(CONTENTS)
    assert put(entry, models_dir, [FolderSource(bad, "tiny"), FolderSource(shelf, "tiny")])
    assert (models_dir / "tiny" / "a.bin").read_bytes() == CONTENTS["a.bin"]


def test_when_nothing_serves_the_error_names_model_sources_reasons_and_remedy(models_dir: Path, tmp_path: Path) -> None:
    empty, bad = tmp_path / "empty", tmp_path / "bad"
    empty.mkdir()
    bad.mkdir()
    (bad / "a.bin").write_bytes(b"FIRST FILE")
    with pytest.raises(ModelLoadError) as caught:
        put(entry_of(CONTENTS), models_dir, [FolderSource(empty, "tiny"), FolderSource(bad, "tiny")])
    assert caught.value.message.splitlines() == [
        "model 'tiny' cannot be fetched: a.bin (0.0 MB) was sought at",
        f"  folder {empty}: there is no a.bin",
        f"  folder {bad}: its checksum is wrong",
    ]
    assert any("models import" in text for text in caught.value.suggestions)
    assert not (models_dir / "tiny").exists()


def test_a_failure_leaves_the_installed_model_as_it_was(models_dir: Path, shelf: Path, tmp_path: Path) -> None:
    put(entry_of(CONTENTS), models_dir, [FolderSource(shelf, "tiny")])
    newer = entry_of({**CONTENTS, "c.bin": b"new in the next version"})
    with pytest.raises(ModelLoadError, match=r"c\.bin"):
        put(newer, models_dir, [FolderSource(shelf, "tiny")])
    assert verify(entry_of(CONTENTS), models_dir) == []
    assert [path for path in (models_dir / ".work").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda folder: (folder / "a.bin").unlink(), "a.bin is missing"),
        (
            lambda folder: (folder / "a.bin").write_bytes(b"FIRST FILE"),
            "a.bin is damaged: its checksum is wrong",
        ),
        (lambda folder: (folder / "a.bin").write_bytes(b"first"), "a.bin has 5 bytes instead of 10"),
        (lambda folder: (folder / "installed.json").write_text("{"), "installed.json is damaged"),
        (lambda folder: (folder / "installed.json").write_text("[]"), "installed.json is damaged"),
        (lambda folder: (folder / "installed.json").unlink(), "it is not installed"),
    ],
)
def test_verify_tells_what_is_wrong(damage, problem: str, models_dir: Path, shelf: Path) -> None:  # type: ignore[no-untyped-def]
    put(entry_of(CONTENTS), models_dir, [FolderSource(shelf, "tiny")])
    damage(models_dir / "tiny")
    assert verify(entry_of(CONTENTS), models_dir) == [problem]


def test_derived_files_are_made_recorded_and_verified(
    models_dir: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def double(folder: Path) -> None:
        (folder / "doubled.bin").write_bytes((folder / "a.bin").read_bytes() * 2)
        (folder / "doubled.bin").chmod(0o600)  # as safetensors does

    monkeypatch.setitem(STEPS, "double", double)  # type: ignore[arg-type]
    entry = entry_of(CONTENTS, step="double", derived=["doubled.bin"])
    put(entry, models_dir, [FolderSource(shelf, "tiny")])
    made = models_dir / "tiny" / "doubled.bin"
    assert made.read_bytes() == CONTENTS["a.bin"] * 2
    assert made.stat().st_mode == (models_dir / "tiny" / "a.bin").stat().st_mode, "readable for the same users"
    record = json.loads((models_dir / "tiny" / "installed.json").read_text())
    assert set(record["files"]) == {*CONTENTS, "doubled.bin"}
    made.write_bytes(made.read_bytes().upper())
    assert verify(entry, models_dir) == ["doubled.bin is damaged: its checksum is wrong"]


def test_a_derived_file_that_a_newer_catalogue_wants_is_made_of_what_is_there(
    models_dir: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def derive(folder: Path) -> None:
        for name in ("old.bin", "new.bin"):
            (folder / name).write_bytes(name.encode() + (folder / "a.bin").read_bytes())

    monkeypatch.setitem(STEPS, "derive", derive)  # type: ignore[arg-type]
    put(entry_of(CONTENTS, step="derive", derived=["old.bin"]), models_dir, [FolderSource(shelf, "tiny")])
    (models_dir / "tiny" / "new.bin").unlink()  # an older version made none
    newer = entry_of(CONTENTS, step="derive", derived=["old.bin", "new.bin"])
    assert not is_installed(newer, models_dir)
    source = Counting(shelf)
    assert put(newer, models_dir, [source])
    assert source.asked == [], "nothing is fetched again"
    assert (models_dir / "tiny" / "new.bin").read_bytes() == b"new.bin" + CONTENTS["a.bin"]
    assert verify(newer, models_dir) == []


def test_a_folder_that_cannot_be_used_is_a_storage_error(tmp_path: Path, shelf: Path) -> None:
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(StorageError):
        put(entry_of(CONTENTS), tmp_path / "models", [FolderSource(shelf, "tiny")])


def test_what_killed_processes_left_is_removed_after_a_day(models_dir: Path) -> None:
    old, young = models_dir / ".work" / "old", models_dir / ".work" / "young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "half.bin").write_bytes(b"half")
    yesterday = time.time() - 2 * 24 * 3600
    os.utime(old, (yesterday, yesterday))
    remove_stale_work(models_dir)
    assert not old.exists()
    assert young.exists()
