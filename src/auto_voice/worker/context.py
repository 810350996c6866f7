"""What the executors of one worker share."""

from __future__ import annotations

from dataclasses import dataclass

from auto_voice.config import Settings
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import ProfileStore
from auto_voice.storage.paths import Paths


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The surroundings of an executor. Thread-safe.

    Attributes:
        settings: in force.
        paths: where the files are.
        runtime: the models; one for the whole process.
        profiles: the voices.
    """

    settings: Settings
    paths: Paths
    runtime: ModelRuntime
    profiles: ProfileStore


def make_context(settings: Settings) -> WorkerContext:
    """The context of a worker with these settings.

    Raises:
        ModelLoadError: a GPU was asked for, there is none, and `gpu.allow_fallback` is off.
    """
    return WorkerContext(
        settings=settings,
        paths=Paths(settings),
        runtime=ModelRuntime(settings),
        profiles=ProfileStore(settings),
    )
