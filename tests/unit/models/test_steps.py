"""Converting fetched files: safe loading, tensors unchanged."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from auto_voice.config import Settings
from auto_voice.errors import ModelLoadError
from auto_voice.models.catalogue import load_catalogue
from auto_voice.models.install import verify
from auto_voice.models.steps import STEPS


class Bomb:
    """A pickle that makes a file when it is loaded freely."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("step", ["ge2e", "fcpe", "distillmos", "spleeter"])
def test_a_checkpoint_that_would_run_code_is_refused(step: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for name in ("pretrained.pt", "fcpe_c_v001.pt", "distill_mos_v7.pt", "vocals.ckpt"):
        torch.save({"model": Bomb(mark)}, tmp_path / name)
    with pytest.raises(ModelLoadError, match="not a checkpoint of the kind expected"):
        STEPS[step](tmp_path)
    assert not mark.exists()
    torch.load(tmp_path / "pretrained.pt", weights_only=False)
    assert mark.exists(), "the bomb itself works"


def test_a_raw_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pretrained.pt").write_bytes(pickle.dumps({"model_state": Bomb(tmp_path / "ran")}, protocol=2))
    with pytest.raises(ModelLoadError):
        STEPS["ge2e"](tmp_path)


def test_a_checkpoint_s_tensors_arrive_under_their_names(tmp_path: Path) -> None:
    weights = OrderedDict({"lstm.weight": torch.arange(6.0).reshape(2, 3).T, "linear.bias": torch.ones(2)})
    torch.save({"model_state": weights, "optimizer_state": {"step": 1}}, tmp_path / "pretrained.pt")
    STEPS["ge2e"](tmp_path)
    loaded = load_file(tmp_path / "ge2e.safetensors")
    assert set(loaded) == set(weights)
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


@pytest.mark.models
def test_numpy_checkpoints_are_converted(settings: Settings, tmp_path: Path) -> None:
    installed = settings.storage.models_dir / "spleeter-2stems"
    for stem in ("vocals", "accompaniment"):
        (tmp_path / f"{stem}.ckpt").symlink_to(installed / f"{stem}.ckpt")
    STEPS["spleeter"](tmp_path)
    made, before = (load_file(folder / "vocals.safetensors") for folder in (tmp_path, installed))
    assert made["down1_conv.1.weight"].shape == (16, 2, 5, 5)
    assert all(torch.equal(made[name], before[name]) for name in before)


@pytest.mark.models
@pytest.mark.parametrize("entry", [entry for entry in load_catalogue().values() if entry.embedded], ids=lambda e: e.id)
def test_the_installed_models_are_sound(entry, settings: Settings) -> None:  # type: ignore[no-untyped-def]
    assert verify(entry, settings.storage.models_dir) == []
