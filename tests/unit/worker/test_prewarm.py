"""`cache.prewarm_models`: each engine works once; one that cannot does not keep the worker from starting."""

from __future__ import annotations

import logging

import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import ModelLoadError
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.pipeline.engines import Engines
from auto_voice.worker import prewarm as module
from auto_voice.worker.context import make_context
from auto_voice.worker.prewarm import prewarm
from simple_engines import LevelContent, MiddleSeparator, SpectralPeakPitch, TurningConverter


class Missing(SpectralPeakPitch):
    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        raise ModelLoadError("model 'peak' is not installed")


def test_every_model_loads_and_a_missing_one_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    separator, content = MiddleSeparator(), LevelContent()
    engines = Engines(separator=separator, pitch=Missing(), content=content, converter=TurningConverter())
    monkeypatch.setattr(module, "make_engines", lambda *_: engines)
    with caplog.at_level(logging.WARNING):
        prewarm(make_context(settings))
    assert (separator.calls, content.calls) == (1, 1)
    assert "model 'peak' is not installed" in caplog.text
