"""A training run leaves the network, its history and a picture of it, and its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from auto_voice.config import Settings
from auto_voice.errors import ModelLoadError
from auto_voice.models.networks.style_decoder import DecoderShape, StyleDecoder
from auto_voice.models.runtime import ModelRuntime
from auto_voice.training import run as running
from auto_voice.training.content_mapper import TrainingPlan
from auto_voice.training.run import read_mapper, train
from tiny_speech import tiny_data

PLAN = TrainingPlan(steps=4, batch=2, frames=16, validate_every=2, keep_every=2)


@pytest.fixture
def runtime(settings: Settings, tmp_path: Path) -> ModelRuntime:
    """One that has a tiny decoder installed."""
    folder = tmp_path / "models" / "kokoro-82m"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    decoder = StyleDecoder(DecoderShape(content=512, style=4, hidden=8, skip=4, generator=8))
    tensors = {name: each.contiguous() for name, each in decoder.state_dict().items()}
    save_file(tensors, folder / "decoder.safetensors")
    storage = settings.storage.model_copy(update={"models_dir": tmp_path / "models"})
    return ModelRuntime(settings.model_copy(update={"storage": storage}))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    narrow = running.MapperShape(features=12, width=8, dilations=(1,), kernel=3)
    monkeypatch.setattr(running, "MapperShape", lambda: narrow)
    return tiny_data(tmp_path / "data", width=12)


def test_a_run_writes_a_network_that_can_be_read_and_trained_on(
    data: Path, runtime: ModelRuntime, tmp_path: Path
) -> None:
    said: list[str] = []
    out = tmp_path / "first.safetensors"
    scores = train(data, out, PLAN, runtime, say=said.append)
    assert [each.group for each in scores] == ["spoken clean", "spoken perturbed", "spoken raised"]
    assert "3 clips" in said[0] and sum(line.startswith("step ") for line in said) == 2
    history = [json.loads(line) for line in out.with_suffix(".history.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in history] == [2, 4]
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")

    more = tiny_data(tmp_path / "more", width=12, clips=2)
    again = train(data, tmp_path / "second.safetensors", PLAN, runtime, recordings=more, start=out, say=said.append)
    assert {each.group.split()[0] for each in again} == {"spoken", "read"}
    assert read_mapper(tmp_path / "second.safetensors").shape.features == 12


def test_a_finished_run_that_is_started_again_changes_nothing(
    data: Path, runtime: ModelRuntime, tmp_path: Path
) -> None:
    out = tmp_path / "mapper.safetensors"
    first = train(data, out, PLAN, runtime, say=lambda text: None)
    before = out.read_bytes()
    assert train(data, out, PLAN, runtime, say=lambda text: None) == first
    assert out.read_bytes() == before


def test_a_file_that_is_no_mapper_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"something")
    with pytest.raises(ModelLoadError, match="does not hold a content mapper"):
        read_mapper(tmp_path / "other")
