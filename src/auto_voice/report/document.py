"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auto_voice.audio import Audio, DecodeLimits, decode
from auto_voice.features import PitchContour


@dataclass(frozen=True)
class Track:
    """Something to listen to or to look at.

    Attributes:
        label: what it is, a few words.
        path: the file to play, linked relative to the page; None: nothing to play.
        audio: its sound, where it is at hand; else it is read from `path` when a picture needs it.
        note: a sentence beside the player.
    """

    label: str
    path: Path | None
    audio: Audio | None = None
    note: str = ""

    def sound(self) -> Audio | None:
        """The sound, read from the file if need be.

        Raises:
            InvalidAudioError, NotFoundError: the file can't be read.
        """
        if self.audio is not None or self.path is None:
            return self.audio
        return decode(self.path, DecodeLimits(max_bytes=1 << 30, max_seconds=3600.0))


@dataclass(frozen=True, kw_only=True)
class ConversionReport:
    """All that is known of one conversion. Only the first three are needed; what is missing is left out.

    Attributes:
        title: heading of the page, such as the song's name.
        original: what came in.
        converted: what came out.
        original_vocals: the vocals before; pictures show these rather than the whole song.
        converted_vocals: the vocals after.
        accompaniment: everything else in the song.
        target: a recording of the voice aimed at.
        spoken: a sentence spoken in that voice.
        original_pitch: melody of the original.
        converted_pitch: melody of the conversion.
        transposition_semitones: how far the melody was moved on purpose.
        metrics: "Quality JSON", as `QualityMetricsAggregator.compute_all_metrics` gives it.
        stage_seconds: how long each stage took.
        warnings: sentences for the reader.
        settings: how it was made, as names and values.
    """

    title: str
    original: Track
    converted: Track
    original_vocals: Track | None = None
    converted_vocals: Track | None = None
    accompaniment: Track | None = None
    target: Track | None = None
    spoken: Track | None = None
    original_pitch: PitchContour | None = None
    converted_pitch: PitchContour | None = None
    transposition_semitones: float = 0.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    settings: Mapping[str, object] = field(default_factory=dict)

    def tracks(self) -> list[Track]:
        """All there is to play, in the order of the page."""
        listed = (
            self.original,
            self.converted,
            self.original_vocals,
            self.converted_vocals,
            self.accompaniment,
            self.target,
            self.spoken,
        )
        return [track for track in listed if track is not None and track.path is not None]

    def pair(self) -> tuple[Track, Track]:
        """Before and after, for the pictures: the vocals where both are known, else the whole."""
        if self.original_vocals is not None and self.converted_vocals is not None:
            return self.original_vocals, self.converted_vocals
        return self.original, self.converted
