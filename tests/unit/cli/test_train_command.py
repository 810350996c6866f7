"""`autovoice train`: what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auto_voice.cli import autovoice
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.training import generate as generating
from auto_voice.training.clips import clip_files
from auto_voice.training.content_mapper import new_mapper
from auto_voice.training.examples import load_examples
from tiny_speech import TinyHalves, tiny_data


def run(*arguments: object) -> Result:
    return CliRunner().invoke(autovoice, ["train", *map(str, arguments)])


def test_generated_clips_are_counted_in_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = TinyHalves()
    monkeypatch.setattr(generating, "_synthesizer", lambda _: halves)
    result = run("generate-speech", "--out", tmp_path / "clips", "--minutes", 0.3, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["minutes"] >= 0.3
    assert clip_files(tmp_path / "clips")


def test_scores_of_a_mapper_are_a_table_or_json(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data", width=12)
    mapper: ContentMapper = new_mapper(load_examples(data)[0], MapperShape(features=12, width=8, dilations=(1,)), 0)
    mapper.save(tmp_path / "mapper.safetensors")
    rows = json.loads(run("score", tmp_path / "mapper.safetensors", "--data", data, "--json").stdout)
    assert [row["group"] for row in rows] == ["spoken clean", "spoken perturbed", "spoken raised"]
    shown = run("score", tmp_path / "mapper.safetensors", "--data", data).stdout
    assert "phone accuracy" in shown and "spoken raised" in shown


def test_a_folder_without_features_says_what_to_do(tmp_path: Path) -> None:
    result = run("content-mapper", "--data", tmp_path, "--out", tmp_path / "mapper.safetensors")
    assert result.exit_code == 3
    assert "autovoice train features" in result.stderr


def test_alignment_needs_transcripts(tmp_path: Path) -> None:
    mapper = tmp_path / "mapper.safetensors"
    ContentMapper(MapperShape(features=4, width=8, dilations=(1,))).save(mapper)
    result = run("align-speech", "--speech", tmp_path, "--mapper", mapper, "--out", tmp_path)
    assert result.exit_code == 3
    assert "autovoice train transcribe-speech" in result.stderr
