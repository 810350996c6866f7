"""What a conversion gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from auto_voice.audio import Audio
from auto_voice.features import PitchContour, Stems


@dataclass(frozen=True, kw_only=True)
class ConversionResult:
    """A converted song, or converted vocals where there was no song around them.

    Attributes:
        mixed_audio: the result, of the rate, channels and length of what came in.
        stems: the converted vocals at their level in the song, and the accompaniment; None unless asked for.
        f0_contour: the melody as it was sung in the original, before any transposition.
        converted_f0_contour: the melody of the converted vocals; None where nothing was scored.
        metadata: how it was made: profile_id, profile_name, preset, separation_model, pitch_engine,
            content_model, converter, transposition {semitones, reason}, original_duration_seconds,
            converted_duration_seconds, sample_rate, channels, events (fallbacks taken).
        quality_metrics: the scores ("Quality JSON" of the API); a score that could not be made is null with a
            reason.
        warnings: sentences for the user, the most important first.
        stage_seconds: how long each stage took.
    """

    mixed_audio: Audio
    f0_contour: PitchContour
    metadata: dict[str, Any]
    converted_f0_contour: PitchContour | None = None
    stems: Stems | None = None
    quality_metrics: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    stage_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.mixed_audio.sample_rate

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.mixed_audio.duration
