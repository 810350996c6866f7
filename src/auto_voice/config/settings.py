"""All settings together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from auto_voice.config.fields import Section
from auto_voice.config.rules import contradictions, is_loopback
from auto_voice.config.sections import (
    Cache,
    Conversion,
    Database,
    Gpu,
    Jobs,
    Limits,
    Logging,
    Models,
    Monitoring,
    Quality,
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
    security: Security = Field(default={}, validate_default=True)
    database: Database = Field(default_factory=Database)
    jobs: Jobs = Field(default_factory=Jobs)
    models: Models = Field(default_factory=Models)
    tts: Tts = Field(default_factory=Tts)
    conversion: Conversion = Field(default_factory=Conversion)

    @field_validator("security", mode="before")
    @classmethod
    def _strict_where_others_can_reach(cls, given: Any, info: ValidationInfo) -> Any:
        """Where nobody says whether keys and consent are needed, they are as soon as others can reach the server."""
        server = info.data.get("server")
        if isinstance(given, Mapping) and isinstance(server, Server):
            reachable = not is_loopback(server.host)
            return {"api_key_required": reachable, "require_consent": reachable, **given}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        found = list(contradictions(self))
        if found:
            text = "; ".join(f"{'.'.join(key)} {message}" for key, message in found)
            # The text may hold braces, which a message template would take for fields.
            raise PydanticCustomError("contradictions", "{text}", {"text": text, "found": found})
        return self
