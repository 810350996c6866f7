"""`cache.prewarm_models`: the first request need not wait for models to load."""

from __future__ import annotations

import logging
import time

import numpy as np

from auto_voice.audio import Audio
from auto_voice.errors import AutoVoiceError
from auto_voice.inference.pipeline.engines import GivenEngines, make_engines
from auto_voice.worker.context import WorkerContext

_RATE = 44100
_SECONDS = 2.0

_log = logging.getLogger(__name__)


def prewarm(context: WorkerContext) -> None:
    """Have the default preset's engines work on a moment of noise, by which each loads its model.

    A model that cannot be loaded is logged; the jobs that need it will say so, too.
    """
    began = time.perf_counter()
    engines = make_engines(context.settings.quality.default_preset, context.settings, context.runtime, GivenEngines())
    noise = 0.01 * np.random.default_rng(0).standard_normal((2, int(_RATE * _SECONDS)))
    sound = Audio(noise.astype(np.float32), _RATE)
    for name, work in (
        ("separator", engines.separator.separate),
        ("pitch extractor", engines.pitch.extract),
        ("content extractor", engines.content.extract),
    ):
        try:
            work(sound)
        except AutoVoiceError as error:
            _log.warning("the %s cannot be loaded beforehand: %s", name, error.message)
    _log.info("models loaded in %.1f s: %s", time.perf_counter() - began, ", ".join(context.runtime.loaded()))
