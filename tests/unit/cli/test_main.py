"""The frame of the command line: loading commands, errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from auto_voice import __version__
from auto_voice.cli import autovoice
from auto_voice.cli.session import current_settings
from auto_voice.errors import CancelledError, ConversionFailedError, ModelLoadError, StorageError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(autovoice, arguments)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """`autovoice doctor` raises what is put into this list."""
    errors: list[BaseException] = []

    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def doctor(as_json: bool) -> None:
        raise errors[0]

    monkeypatch.setattr("auto_voice.cli.doctor.doctor", doctor)
    return errors


def test_every_listed_command_loads_and_explains_itself() -> None:
    for name in autovoice.list_commands(click.Context(autovoice)):
        result = run(name, "--help")
        assert result.exit_code == 0, (name, result.output)
        assert "Usage:" in result.stdout


def test_help_names_every_command_and_exit_code() -> None:
    shown = run("--help").stdout
    for word in ("convert", "clone", "speak", "doctor", "130 interrupted"):
        assert word in shown


def test_version() -> None:
    assert run("--version").stdout.split()[-1] == __version__


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom auto_voice.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'rich', 'pydantic'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConversionFailedError("no"), 5),
        (ModelLoadError("no"), 6),
        (MemoryError(), 7),
        (StorageError("no"), 8),
        (CancelledError(), 130),
        (KeyboardInterrupt(), 130),
        (RuntimeError("a bug"), 1),
        (SystemExit(143), 143),
    ],
)
def test_errors_have_their_documented_exit_code(failing: list[BaseException], error: BaseException, code: int) -> None:
    failing.append(error)
    assert run("doctor").exit_code == code


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "auto_voice.cli", "--help"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_error_says_what_and_what_to_do(failing: list[BaseException]) -> None:
    failing.append(ModelLoadError("no such model", suggestions=["autovoice models fetch"]))
    result = run("doctor")
    assert result.stdout == ""
    assert result.stderr == "error: no such model\n  → autovoice models fetch\n"


def test_an_error_is_a_json_document_when_json_was_asked_for(failing: list[BaseException]) -> None:
    failing.append(ModelLoadError("no such model", suggestions=["autovoice models fetch"]))
    result = run("doctor", "--json")
    assert json.loads(result.stdout) == {
        "error": "model_load_error",
        "code": "model_load_error",
        "message": "no such model",
        "details": {"suggestions": ["autovoice models fetch"]},
    }


def test_wrong_usage_ends_with_2_and_may_be_json() -> None:
    result = run("doctor", "--wrong", "--json")
    assert result.exit_code == 2
    assert "--wrong" in json.loads(result.stdout)["message"]
    assert "Usage:" in result.stderr


def test_an_unknown_command_ends_with_2() -> None:
    assert run("sing").exit_code == 2


def test_tracebacks_are_shown_only_when_asked_for(failing: list[BaseException]) -> None:
    failing.append(RuntimeError("a bug"))
    assert "Traceback" not in run("doctor").stderr
    assert "Traceback" in run("-v", "doctor").stderr
    assert "RuntimeError: a bug" in run("doctor").stderr


def test_config_files_reach_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("limits: {max_song_duration_s: 100, concurrent_conversions: 2}")
    second.write_text("limits: {max_song_duration_s: 200}")

    @click.command()
    def doctor() -> None:
        limits = current_settings().limits
        click.echo(f"{limits.max_song_duration_s:g} {limits.concurrent_conversions}")

    monkeypatch.setattr("auto_voice.cli.doctor.doctor", doctor)
    assert run("--config", str(first), "--config", str(second), "doctor").stdout == "200 2\n"
