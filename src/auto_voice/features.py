"""What the stages hand to each other: plain arrays with their clock.

No stage imports another; all of them import this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio

Progress = Callable[[float], None]
"""Called with the stage's own progress, 0.0–1.0, several times a second. It cancels the work by raising."""

VoiceState = Mapping[str, NDArray[Any]]
"""What a converter learnt of a target voice: named arrays, stored as safetensors beside the profile."""


def no_progress(fraction: float) -> None:
    """Progress callback of a caller that does not look."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """The progress of a step that is the part from `start` to `end` of the whole."""

    def report(fraction: float) -> None:
        progress(start + (end - start) * fraction)

    return report


@dataclass(frozen=True, kw_only=True)
class Stems:
    """A song taken apart. Both stems have the song's rate, channels and length; together they give the song.

    Attributes:
        vocals: everything sung.
        accompaniment: everything else.
        model: the separator that did it (may differ from the one asked for; then `warnings` says why).
        warnings: sentences for the user.
    """

    vocals: Audio
    accompaniment: Audio
    model: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PitchContour:
    """The melody, frame by frame; frame i is centred at i × hop_seconds.

    Attributes:
        f0: float32 (frames,), Hz; 0 where there is no voice.
        confidence: float32 (frames,), 0–1.
        hop_seconds: 0.005–0.010.
    """

    f0: NDArray[np.float32]
    confidence: NDArray[np.float32]
    hop_seconds: float

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Where there is voice, bool (frames,)."""
        return self.f0 > 0


@dataclass(frozen=True, kw_only=True)
class ContentFeatures:
    """What is said, frame by frame, with as little as possible of who says it.

    Attributes:
        frames: float16 (layers, frames, dimensions).
        hop_seconds: seconds between frames; frame i is centred at (i + 0.5) × hop_seconds.
        model: the encoder and its layers, so that states made with others are not mixed.
    """

    frames: NDArray[np.float16]
    hop_seconds: float
    model: str


@dataclass(frozen=True, kw_only=True)
class Transposition:
    """How far the melody is moved, and why.

    Attributes:
        semitones: positive is up.
        reason: a sentence for the user.
    """

    semitones: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class RuntimeEvent:
    """Something the user should know about how the work was done (a fallback taken, a retry on less memory)."""

    what: str
    details: Mapping[str, str] = field(default_factory=dict)
