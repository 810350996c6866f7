"""All settings together."""

from __future__ import annotations

from pydantic import Field

from auto_voice.config.sections import (
    Cache,
    Gpu,
    Limits,
    Logging,
    Models,
    Monitoring,
    Quality,
    Section,
    Security,
    Server,
    Storage,
    Tts,
)


class Settings(Section):
    """Every setting of AutoVoice. Immutable, so it can be shared between threads."""

    server: Server = Field(default_factory=Server)
    gpu: Gpu = Field(default_factory=Gpu)
    storage: Storage = Field(default_factory=Storage)
    quality: Quality = Field(default_factory=Quality)
    limits: Limits = Field(default_factory=Limits)
    cache: Cache = Field(default_factory=Cache)
    logging: Logging = Field(default_factory=Logging)
    monitoring: Monitoring = Field(default_factory=Monitoring)
    security: Security = Field(default_factory=Security)
    models: Models = Field(default_factory=Models)
    tts: Tts = Field(default_factory=Tts)
