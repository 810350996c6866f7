"""What the tests of the neural converter share: a runtime on the CPU, and tiny networks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auto_voice.config import Settings
from auto_voice.models.runtime import ModelRuntime
from tiny_voice import TinyModels


@pytest.fixture
def models() -> TinyModels:
    return TinyModels()


@pytest.fixture
def runtime(settings: Settings) -> Iterator[ModelRuntime]:
    runtime = ModelRuntime(settings, "cpu")
    yield runtime
    runtime.close()
