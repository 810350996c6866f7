"""`autovoice config`: what is in force, what is wrong, what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from auto_voice.cli import autovoice
from auto_voice.config import load_settings
from auto_voice.config.reference import reference


def run(*arguments: object) -> Result:
    return CliRunner().invoke(autovoice, [str(argument) for argument in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "server.yaml"
    path.write_text("server:\n  port: 8080\nquality: {presets: {fast: {separation_shifts: 7}}}\n")
    return path


def test_show_prints_yaml_that_loads_again(file: Path, tmp_path: Path) -> None:
    result = run("config", "show", "--config", file, "--origin")
    again = tmp_path / "again.yaml"
    again.write_text(result.stdout)

    assert result.exit_code == 0
    assert load_settings([again]) == load_settings([file])
    assert f"port: 8080  # {file}:2" in result.stdout
    assert "workers: 1  # default" in result.stdout


def test_show_as_json(file: Path) -> None:
    shown = json.loads(run("config", "show", "--config", file, "--json").stdout)
    with_origin = json.loads(run("config", "show", "--config", file, "--json", "--origin").stdout)

    assert shown["quality"]["presets"]["fast"]["separation_shifts"] == 7
    assert with_origin["settings"] == shown
    assert with_origin["origins"]["server.port"] == f"{file}:2"
    assert with_origin["origins"]["server.host"] == "default"


def test_show_takes_the_files_given_to_autovoice_itself(file: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.yaml"
    later.write_text("server: {port: 9}")
    assert "port: 8080" in run("--config", file, "config", "show").stdout
    assert "port: 9" in run("--config", file, "config", "show", "--config", later).stdout


def test_show_tells_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOVOICE__SECURITY__RATE_LIMIT_STORAGE", "redis://user:hunter2@host:6379/0")
    for arguments in ((), ("--json",), ("--origin",)):
        shown = run("config", "show", *arguments).stdout
        assert "hunter2" not in shown
        assert "redis://***@host:6379/0" in shown


def test_values_that_yaml_would_misread_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("tts: {voice: 'yes'}\nstorage: {data_dir: '/a: b #c, [d]'}")
    again = tmp_path / "again.yaml"
    again.write_text(run("config", "show", "--config", path, "--origin").stdout)
    assert load_settings([again]) == load_settings([path])


def test_validate_says_ok(file: Path) -> None:
    result = run("config", "validate", file)
    assert (result.exit_code, result.stdout) == (0, "OK\n")
    assert json.loads(run("config", "validate", file, "--json").stdout) == {"valid": True, "problems": []}


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text("server:\n  prot: 1\n  port: 0\n")
    return path


def test_validate_tells_everything_and_exits_with_4(bad: Path) -> None:
    result = run("config", "validate", bad)
    assert result.exit_code == 4
    assert f"{bad}:2: server: unknown key 'prot'; did you mean 'port'?" in result.stderr
    assert f"{bad}:3: server.port: should be greater than or equal to 1, not 0" in result.stderr


def test_validate_as_json(bad: Path) -> None:
    result = run("config", "validate", bad, "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 4
    assert document["valid"] is False
    assert [problem["place"] for problem in document["problems"]] == [f"{bad}:2", f"{bad}:3"]
    assert document["problems"][1]["key"] == "server.port"


def test_validate_knows_which_engines_are_installed(tmp_path: Path) -> None:
    path = tmp_path / "engines.yaml"
    path.write_text("quality: {presets: {fast: {separation_model: htdemuks, pitch_engine: fcpe}}}")
    result = run("config", "validate", path)
    assert result.exit_code == 4
    assert "separation_model: no engine 'htdemuks'; did you mean 'htdemucs'?" in result.stderr
    assert "pitch_engine" not in result.stderr


def test_validate_checks_the_merged_files(tmp_path: Path) -> None:
    low, high = tmp_path / "low.yaml", tmp_path / "high.yaml"
    low.write_text("limits: {min_profile_duration_s: 200}")
    high.write_text("limits: {max_profile_duration_s: 300}")
    assert run("config", "validate", low).exit_code == 4
    assert run("config", "validate", low, high).exit_code == 0


def test_every_command_refuses_a_bad_configuration(bad: Path) -> None:
    result = run("--config", bad, "config", "show", "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["code"] == "invalid_configuration"


def test_reference_prints_the_documentation() -> None:
    assert run("config", "reference").stdout == reference() + "\n"


def test_the_files_that_come_along_are_valid() -> None:
    folder = Path(__file__).parents[3] / "config"
    for name in ("production", "gpu_tuning", "cache_tuning", "concurrency_tuning"):
        assert run("config", "validate", folder / f"{name}.yaml").exit_code == 0
    assert yaml.safe_load((folder / "logging.yaml").read_text("utf-8"))["version"] == 1
