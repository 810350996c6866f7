"""Answers about the service itself."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

State = Literal["healthy", "degraded", "unhealthy"]


class GpuHealth(BaseModel):
    """The workers' GPUs together."""

    available: bool
    device_count: int
    memory_allocated_gb: float | None = Field(None, description="GiB that hold something; null without a GPU")
    memory_reserved_gb: float | None = Field(None, description="GiB that the workers keep; null without a GPU")


class ModelHealth(BaseModel):
    """What the workers hold in memory; models are loaded when they are first needed."""

    tts_loaded: bool
    vc_loaded: bool
    loaded: list[str]


class StorageHealth(BaseModel):
    """Room on the disk."""

    cache_size_gb: float | None = Field(description="GiB, at most a minute old; null until it was measured once")
    free_gb: float | None = Field(description="GiB on the fullest disk in use; null where it cannot be told")


class WorkerHealth(BaseModel):
    """Who does the work."""

    alive: int
    ready: int


class QueueHealth(BaseModel):
    """What waits and what runs."""

    waiting: int
    running: int
    capacity: int


class Health(BaseModel):
    """How the service is: degraded works, with something amiss; unhealthy does not."""

    status: State
    service: Literal["autovoice"] = "autovoice"
    version: str
    timestamp: str = Field(description="ISO 8601, UTC")
    problems: list[str] = Field(description="why it is not healthy, in words")
    gpu: GpuHealth
    gpu_available: bool
    models: ModelHealth
    model_loaded: bool
    storage: StorageHealth
    workers: WorkerHealth
    queue: QueueHealth
    dependencies: dict[str, Literal["ok", "missing", "failed"]]


class Readiness(BaseModel):
    """Whether this web process can take requests."""

    ready: bool
