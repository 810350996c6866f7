"""The example engine of CONTRIBUTING.md is complete: it can be registered, configured and used as it stands."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auto_voice import plugins
from auto_voice.audio import Audio
from auto_voice.config import Settings, load_settings
from auto_voice.models.runtime import ModelRuntime
from documents import ROOT, code_blocks

PAGE = ROOT / "CONTRIBUTING.md"


def test_the_example_engine_works(settings: Settings, runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = code_blocks(PAGE, "python")
    namespace: dict[str, Any] = {"__name__": "centre_separator"}
    exec(compile(example, str(PAGE), "exec", dont_inherit=True), namespace)
    monkeypatch.setattr(EntryPoint, "load", lambda point: namespace["create"])
    point = EntryPoint("centre", "centre_separator:create", "auto_voice.separators")
    monkeypatch.setattr(plugins, "available", lambda group: {point.name: point})
    song = Audio(np.random.default_rng(1).standard_normal((2, 4410)).astype(np.float32), 44100)

    stems = plugins.create("separators", "centre", settings, runtime).separate(song)

    np.testing.assert_allclose(stems.vocals.samples + stems.accompaniment.samples, song.samples, atol=1e-6)


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    [example] = code_blocks(PAGE, "yaml")
    (tmp_path / "centre.yaml").write_text(example)
    assert load_settings([tmp_path / "centre.yaml"], {}).quality.presets.fast.separation_model == "centre"
