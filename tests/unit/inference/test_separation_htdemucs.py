"""The htdemucs separators, on a tiny network of the same class, saved as the published ones are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, ModelLoadError
from auto_voice.inference.separation import Separator
from auto_voice.inference.separation.htdemucs import VOCAL_NETWORKS, DemucsSeparator
from auto_voice.inference.separation.spleeter import SpleeterSeparator
from auto_voice.models.runtime import ModelRuntime
from auto_voice.plugins import create

RATE = 44100
TINY = {
    "sources": ["drums", "bass", "other", "vocals"],
    "channels": 4,
    "depth": 4,
    "dconv_comp": 2,
    "t_layers": 1,
    "t_heads": 2,
    "t_hidden_scale": 1.0,
    "segment": {"_type": "fraction", "numerator": 3, "denominator": 4},
}

Install = Callable[..., Separator]


@pytest.fixture
def install(settings: Settings, tmp_path: Path) -> Install:
    """Save a tiny network where the weights of `name` are installed, and make the separator."""

    def install(name: str, shifts: int = 2, klass: str = "demucs.htdemucs.HTDemucs", **changes: object) -> Separator:
        torch.manual_seed(0)
        arguments = TINY | changes
        network = HTDemucs(**arguments | {"segment": 0.75})
        path = tmp_path / "models" / name / VOCAL_NETWORKS[name]
        path.parent.mkdir(parents=True)
        tensors = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
        metadata = {"klass": klass, "args": "[]", "kwargs": json.dumps(arguments)}
        save_file(tensors, path, metadata)
        changed = settings.model_dump(mode="json")
        changed["storage"]["models_dir"] = str(tmp_path / "models")
        changed["quality"]["presets"]["balanced"]["separation_shifts"] = shifts
        changed["quality"]["default_preset"] = "balanced"
        mine = Settings.model_validate(changed)
        return create("separators", name, mine, ModelRuntime(mine))

    return install


@pytest.fixture
def song() -> Audio:
    noise = np.random.default_rng(0).standard_normal((2, 2 * RATE))
    return Audio((0.1 * noise).astype(np.float32), RATE)


@pytest.mark.parametrize("name", ["htdemucs", "htdemucs_ft"])
def test_an_installed_network_separates(install: Install, song: Audio, name: str) -> None:
    separator = install(name)
    heard: list[float] = []
    stems = separator.separate(song, heard.append)
    assert isinstance(separator, DemucsSeparator)
    assert (separator.name, stems.model, stems.warnings) == (name, name, ())
    assert stems.vocals.samples.shape == song.samples.shape
    assert np.isfinite(stems.vocals.samples).all()
    assert np.abs(stems.vocals.samples).max() > 0
    np.testing.assert_allclose(stems.vocals.samples + stems.accompaniment.samples, song.samples, atol=1e-5)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_progress_follows_every_segment_of_every_shift(install: Install, song: Audio) -> None:
    counts = []
    for name, shifts in (("htdemucs", 1), ("htdemucs_ft", 3)):
        heard: list[float] = []
        install(name, shifts).separate(song, heard.append)
        counts.append(len(heard))
    assert counts[0] > 4
    assert counts[1] >= 3 * counts[0] - 6


def test_cancelling_stops_between_segments(install: Install, song: Audio) -> None:
    heard: list[float] = []

    def stop(fraction: float) -> None:
        heard.append(fraction)
        if fraction > 0.1:
            raise CancelledError

    with pytest.raises(CancelledError):
        install("htdemucs").separate(song, stop)
    assert heard[-1] < 0.5


@pytest.mark.parametrize("frames", [0, 100])
def test_silence_gives_silence(install: Install, frames: int) -> None:
    stems = install("htdemucs", 1).separate(Audio(np.zeros((1, frames), np.float32), 8000))
    assert stems.vocals.samples.shape == (1, frames)
    assert not stems.vocals.samples.any()


def test_a_file_that_names_another_class_is_not_loaded(install: Install, song: Audio) -> None:
    with pytest.raises(ModelLoadError, match=r"subprocess\.Popen"):
        install("htdemucs", klass="subprocess.Popen").separate(song)


def test_a_network_without_vocals_is_refused(install: Install, song: Audio) -> None:
    with pytest.raises(ModelLoadError, match="vocals"):
        install("htdemucs", sources=["drums", "bass"]).separate(song)


def test_a_damaged_file_is_named(install: Install, song: Audio, tmp_path: Path) -> None:
    separator = install("htdemucs")
    (tmp_path / "models" / "htdemucs" / VOCAL_NETWORKS["htdemucs"]).write_bytes(b"not weights")
    with pytest.raises(ModelLoadError, match=r"955717e8\.safetensors"):
        separator.separate(song)


@pytest.mark.parametrize("name", ["htdemucs", "htdemucs_ft"])
def test_without_weights_the_embedded_network_serves_and_says_so(settings: Settings, tmp_path: Path, name: str) -> None:
    storage = settings.storage.model_copy(update={"models_dir": tmp_path})
    settings = settings.model_copy(update={"storage": storage})
    separator = create("separators", name, settings, ModelRuntime(settings))
    assert isinstance(separator, SpleeterSeparator)
    assert name in separator.warnings[0]
    assert f"autovoice models fetch {name}" in separator.warnings[0]
