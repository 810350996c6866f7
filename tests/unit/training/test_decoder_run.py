"""A run of the decoder's training with its files, from the readings to the update and its picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import InvalidParametersError, ModelLoadError
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.models.networks.decoder_update import DecoderUpdate
from auto_voice.models.networks.ge2e import GE2E
from auto_voice.models.networks.style_decoder import SAMPLES_PER_FRAME, DecoderShape, StyleDecoder
from auto_voice.training import decoder_run
from auto_voice.training.decoder import DecoderPlan
from auto_voice.training.decoder_run import read_update, train_decoder
from auto_voice.training.readers import Reading

FRAMES = 60
SHAPE = DecoderShape(content=5, style=4, hidden=8, skip=2, generator=8)
PLAN = DecoderPlan(steps=2, minutes=1e6, batch=1, frames=50, validate_every=1, keep_every=1)


class _Pitch:
    """Hears 200 Hz in everything."""

    name = "flat"

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        f0 = np.full(int(vocals.duration * 100) + 1, 200.0, np.float32)
        return PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=0.01)


class _Voice:
    """Hears one voice in everything."""

    name = "one"

    def embed(self, audio: Audio) -> NDArray[np.float32]:
        return np.full(256, 1 / 16, np.float32)

    def split_half_similarity(self, audio: Audio) -> float:
        return 1.0


@pytest.fixture
def _tiny_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of the same classes, small and untrained, in place of the installed ones."""

    def decoder(_: object) -> StyleDecoder:
        torch.manual_seed(0)
        return StyleDecoder(SHAPE).eval().requires_grad_(False)

    encoder = GE2E()
    stock = SimpleNamespace(style=lambda names, tokens: np.ones(256, np.float32))
    monkeypatch.setattr(decoder_run, "load_published_decoder", decoder)
    monkeypatch.setattr(decoder_run.GE2E, "load", lambda weights, device: encoder)
    monkeypatch.setattr(decoder_run, "KokoroSynthesizer", lambda settings, runtime: stock)
    monkeypatch.setattr(decoder_run, "FcpeExtractor", lambda runtime: _Pitch())
    monkeypatch.setattr(decoder_run, "SpeakerEncoder", lambda runtime: _Voice())
    monkeypatch.setattr(decoder_run.ModelRuntime, "model_file", lambda runtime, model, file: Path(file))


@pytest.fixture
def mapper(tmp_path: Path) -> Path:
    path = tmp_path / "mapper.safetensors"
    ContentMapper(MapperShape(features=3, content=SHAPE.content, phones=2, width=8, dilations=(1,))).save(path)
    return path


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    folder = tmp_path / "readings"
    folder.mkdir()
    random = np.random.default_rng(0)
    reading = Reading(
        features=random.normal(size=(FRAMES, 3)).astype(np.float16),
        samples=(0.1 * random.normal(size=FRAMES * SAMPLES_PER_FRAME)).astype(np.float16),
        f0=np.full(2 * FRAMES, 200.0, np.float32),
        energy=np.full(2 * FRAMES, 5.0, np.float32),
        gain=1.0,
        embedding=np.full(256, 1 / 16, np.float32),
        reader="",
        copy="read",
    )
    for number in range(16):
        replace(reading, reader=str(number)).save(folder / f"reading-{number}-read.npz")
    return folder


@pytest.mark.usefixtures("_tiny_models")
def test_a_run_leaves_an_update_a_checkpoint_its_history_and_a_picture(
    tmp_path: Path, settings: Settings, mapper: Path, readings: Path
) -> None:
    said: list[str] = []
    out = tmp_path / "update.safetensors"
    scores = train_decoder(readings, mapper, out, PLAN, settings, strength=0.5, say=said.append)
    history = [json.loads(line) for line in out.with_suffix(".history.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in history] == [1, 2]
    assert set(scores.likeness) == {"read", "crossed"} and scores.in_tune == {"below 220 Hz": 1.0}
    assert said[0] == "15 readings; 2 to validate with"
    assert said[-1].startswith("at strength 0.5: kept-out readers: sound ")
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    state = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    update = DecoderUpdate.from_file(out)
    assert len(update.mapper) == 64
    for name, up in update.change.up.items():
        torch.testing.assert_close(up, 0.5 * state["parts"][f"change.up.{name}"], rtol=1e-2, atol=1e-6)


@pytest.mark.usefixtures("_tiny_models")
def test_a_run_can_start_from_an_update(tmp_path: Path, settings: Settings, mapper: Path, readings: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    train_decoder(readings, mapper, first, PLAN, settings, say=lambda _: None)
    still = replace(PLAN, steps=1, update_rate=0.0, prior_rate=0.0)
    train_decoder(readings, mapper, second, still, settings, start=first, say=lambda _: None)
    mine, theirs = (DecoderUpdate.from_file(path).prior.state_dict() for path in (first, second))
    assert all(theirs[name].equal(each) for name, each in mine.items())


def test_there_must_be_readings(tmp_path: Path, settings: Settings, mapper: Path) -> None:
    with pytest.raises(InvalidParametersError, match="too few to train with"):
        train_decoder(tmp_path, mapper, tmp_path / "out.safetensors", PLAN, settings)


def test_another_file_is_no_update(mapper: Path) -> None:
    with pytest.raises(ModelLoadError, match="does not hold an update of the decoder"):
        read_update(mapper)
