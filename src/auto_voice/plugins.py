"""Engines by name: ours and other packages' register through the same entry points."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from auto_voice.errors import InvalidParametersError, ModelLoadError

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

GROUPS = ("separators", "pitch", "converters", "tts")


def available(group: str) -> dict[str, EntryPoint]:
    """Engines registered under `auto_voice.<group>`, by name."""
    return {point.name: point for point in entry_points(group=f"auto_voice.{group}")}


def create(group: str, name: str, settings: Settings, runtime: ModelRuntime) -> Any:
    """Make the engine `name` of a group (one of GROUPS).

    Raises:
        InvalidParametersError: no engine of that name; lists those there are.
        ModelLoadError: the engine's package is installed but cannot be imported.
    """
    engines = available(group)
    if name not in engines:
        near = difflib.get_close_matches(name, engines, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        choices = ", ".join(sorted(engines)) or "none is installed"
        raise InvalidParametersError(f"unknown engine {name!r}{hint}", suggestions=[f"choose one of: {choices}"])
    try:
        factory = engines[name].load()
    except ImportError as error:
        raise ModelLoadError(f"engine {name!r} cannot be imported: {error}") from error
    return factory(settings, runtime)
