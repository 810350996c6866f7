"""What a conversion may be asked for, checked before any work is done."""

from __future__ import annotations

from typing import Literal, get_args

from auto_voice.audio import DecodeLimits
from auto_voice.config import PresetName, Settings
from auto_voice.errors import InvalidParametersError

MAX_PITCH_SHIFT = 12.0
"""Semitones, up or down."""
MIN_SONG_SECONDS = 1.0
"""Shorter than any phrase: neither a melody nor its quality could be judged."""
MIN_RECORDING_SECONDS = 0.1
"""Shortest recording that anything can be heard in."""
MAX_VOLUME = 2.0
"""Linear: +6 dB."""

_PRESETS: tuple[PresetName, ...] = get_args(PresetName)

PitchShift = float | Literal["auto"]


def song_limits(settings: Settings, *, min_seconds: float = MIN_SONG_SECONDS) -> DecodeLimits:
    """How large and how short and long a song may be."""
    limits = settings.limits
    return DecodeLimits(
        max_bytes=limits.max_audio_size_mb << 20,
        min_seconds=min_seconds,
        max_seconds=limits.max_song_duration_s,
    )


def checked_volume(value: float, name: str) -> float:
    """A linear volume, 0–2. Raises InvalidParametersError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= MAX_VOLUME:
        raise InvalidParametersError(f"{name} must be a number from 0 to {MAX_VOLUME:g}, not {value!r}")
    return float(value)


def checked_pitch_shift(value: object) -> PitchShift:
    """Semitones within ±12, or "auto". Raises InvalidParametersError otherwise."""
    if value == "auto":
        return "auto"
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_PITCH_SHIFT:
        limit = f"{MAX_PITCH_SHIFT:g}"
        raise InvalidParametersError(f"pitch_shift must be -{limit} to {limit} semitones or 'auto', not {value!r}")
    return float(value)


def parse_pitch_shift(text: str) -> PitchShift:
    """A pitch shift as people type it: "auto", "-3", "+5". Raises InvalidParametersError otherwise."""
    try:
        return checked_pitch_shift("auto" if text.strip().lower() == "auto" else float(text))
    except ValueError:
        return checked_pitch_shift(text)


def checked_preset(name: str | None, settings: Settings) -> PresetName:
    """The preset asked for, or the default one.

    Raises:
        InvalidParametersError: there is no such preset, or the configuration switches it off.
    """
    wanted = name or settings.quality.default_preset
    allowed = {"fast": settings.quality.allow_fast_preset, "quality": settings.quality.allow_quality_preset}
    usable = [preset for preset in _PRESETS if allowed.get(preset, True)]
    for preset in usable:
        if preset == wanted:
            return preset
    if wanted in _PRESETS:
        reason = f"the preset {wanted!r} is switched off by the configuration"
    else:
        reason = f"there is no preset {wanted!r}"
    raise InvalidParametersError(reason, suggestions=[f"choose one of: {', '.join(usable)}"])
