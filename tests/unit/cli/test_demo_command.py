"""`autovoice demo`: what is said at the end, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auto_voice.cli import autovoice
from auto_voice.config import Settings
from auto_voice.demo.folder import DemoFolder
from auto_voice.demo.run import Demo
from simple_demo import Stage

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder of its own, with simple engines and no weights."""
    monkeypatch.setenv("AUTOVOICE__STORAGE__MODELS_DIR", str(tmp_path / "no-models"))
    monkeypatch.chdir(tmp_path)

    def simple(settings: Settings, folder: DemoFolder, *, use_cache: bool) -> Demo:
        return Stage(settings, folder.path, use_cache=use_cache).demo

    monkeypatch.setattr("auto_voice.demo.run.Demo", simple)
    return lambda *arguments: CliRunner().invoke(autovoice, ["demo", *map(str, arguments)])


def test_files_scores_and_times_are_told_and_the_page_last(run: Run, tmp_path: Path) -> None:
    result = run()
    assert result.exit_code == 0, result.stderr
    for told in ("my_voice.wav", "converted.mp3", "Overall quality", "voice conversion", "all, with starting up"):
        assert told in result.stdout
    assert result.stdout.splitlines()[-1].endswith((tmp_path / "demo" / "report.html").as_uri())
    assert "demo:   0% reading" in result.stderr
    assert "demo: 100% done" in result.stderr


def test_json_holds_all_of_it_and_nothing_else_is_on_stdout(run: Run) -> None:
    document = json.loads(run("--json", "-o", "elsewhere").stdout)
    assert document["files"]["report"] == str(Path("elsewhere") / "report.html")
    assert set(document["stage_seconds"]) >= {"reading", "singing", "voice cloning", "speaking"}
    assert document["metadata"]["converter"] == "turning"
    assert "overall_quality_score" in document["quality_metrics"]


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--song", "nowhere.mp3"], "file_not_found"), (["--voice", "empty.wav"], "invalid_audio")]
)
def test_a_bad_file_is_bad_input(run: Run, arguments: list[str], code: str) -> None:
    Path("empty.wav").touch()
    result = run(*arguments, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"] == code


def test_a_folder_with_files_of_somebody_else_needs_force(run: Run) -> None:
    Path("demo").mkdir()
    Path("demo/spoken.wav").write_bytes(b"mine")
    refused = run()
    assert refused.exit_code == 3
    assert "--force" in refused.stderr
    assert Path("demo/spoken.wav").read_bytes() == b"mine"
    assert run("--force").exit_code == 0
