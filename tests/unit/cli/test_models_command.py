"""`autovoice models`: what it prints, and with which exit codes it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auto_voice.cli import autovoice
from auto_voice.models.catalogue import load_catalogue
from model_carriers import entry_of

CONTENTS = {"a.bin": b"first file"}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the only embedded model there is; nothing else can be reached."""
    catalogue = {"tiny": entry_of(CONTENTS), "extra": entry_of({"x.bin": b"x"}, model_id="extra", embedded=False)}
    monkeypatch.setattr("auto_voice.cli.models.load_catalogue", lambda: catalogue)
    monkeypatch.setattr("auto_voice.models.bundle.load_catalogue", lambda: catalogue)
    monkeypatch.setenv("AUTOVOICE__STORAGE__MODELS_DIR", str(tmp_path / "models"))
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "a.bin").write_bytes(CONTENTS["a.bin"])
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(autovoice, ["models", *map(str, arguments)])


def answer(*arguments: object) -> dict[str, object]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


def test_list_names_every_model_of_the_real_catalogue() -> None:
    listed = answer("list")["models"]
    assert isinstance(listed, list)
    assert [row["id"] for row in listed] == list(load_catalogue())
    text = run("list").stdout
    assert all(model_id in text for model_id in load_catalogue())


def test_fetch_takes_what_is_needed_from_the_folder_given(shelf: Path) -> None:
    assert answer("fetch", "--from", shelf)["installed"] == ["tiny"]
    assert answer("fetch")["present"] == ["tiny"]
    assert "there already: tiny" in run("fetch").stdout


def test_fetch_looks_into_the_configured_folder(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOVOICE__MODELS__SOURCES_DIR", str(shelf))
    assert answer("fetch", "tiny")["installed"] == ["tiny"]


def test_a_model_that_is_not_to_be_had_ends_with_code_6(shelf: Path) -> None:
    result = run("fetch", "extra", "--from", shelf)
    assert result.exit_code == 6
    assert "model 'extra' cannot be fetched" in result.stderr
    assert "autovoice models import" in result.stderr


def test_an_unknown_model_is_a_mistake_of_the_caller(shelf: Path) -> None:
    result = run("fetch", "tiny_")
    assert result.exit_code == 3
    assert "did you mean 'tiny'" in result.stderr


def test_verify_ends_with_code_6_when_a_file_is_damaged(shelf: Path, tmp_path: Path) -> None:
    run("fetch", "--from", shelf)
    assert answer("verify") == {"ok": True, "problems": {"tiny": []}}
    (tmp_path / "models" / "tiny" / "a.bin").write_bytes(b"FIRST FILE")
    damaged = run("verify", "--json")
    assert damaged.exit_code == 6
    assert json.loads(damaged.stdout)["problems"] == {"tiny": ["a.bin is damaged: its checksum is wrong"]}
    plain = run("verify")
    assert plain.exit_code == 6
    assert "autovoice models fetch tiny" in plain.stderr


def test_export_and_import_carry_models_to_another_folder(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "models.tar"
    assert run("export", bundle).exit_code == 6, "nothing is installed yet"
    run("fetch", "--from", shelf)
    assert answer("export", bundle)["models"] == ["tiny"]
    monkeypatch.setenv("AUTOVOICE__STORAGE__MODELS_DIR", str(tmp_path / "elsewhere"))
    assert answer("import", bundle)["installed"] == ["tiny"]
    assert (tmp_path / "elsewhere" / "tiny" / "a.bin").read_bytes() == CONTENTS["a.bin"]
