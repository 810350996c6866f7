"""How well a melody was kept, heard by two pitch trackers, so that a tracker's slip does not pass for the singer's.

A tracker now and then takes a note for the octave below or above. FCPE and SwiftF0 are built differently and seldom
slip at the same place, so each recording is heard by both:

- The source's melody is the geometric mean of the two readings, and only where they lie within 50 cents of each other;
  elsewhere nobody knows what was sung, and nothing is counted.
- A conversion's reading there is the mean of the two where they agree. Where they don't, or only one of them hears a
  voice, it is the reading nearer to the source: the doubt is the tracker's. A conversion that really sings another note
  is heard so by both. Where neither hears a voice the note is missed: RPA50 counts it as wrong.
- Voicing is compared in the frames in which the trackers agree on it, in both recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.features import PitchContour
from auto_voice.models.runtime import ModelRuntime
from auto_voice.plugins import create
from auto_voice.utils.pitch_accuracy import CENTS_PER_OCTAVE, RPA_TOLERANCE_CENTS, on_clock

TRACKERS = ("fcpe", "swiftf0")
CLOCK_SECONDS = 0.01

Readings = NDArray[np.float64]
"""Hz by both trackers on one clock, (2, frames); 0 where there is no voice."""


@dataclass(frozen=True)
class MelodyAccuracy:
    """What a conversion did to the melody; NaN where there is nothing to compare.

    Attributes:
        median_cents: median of the unsigned difference, of the notes that were sung.
        rpa50: share of the source's frames that are sung within 50 cents, 0-1.
        rmse_hz: root mean square difference of the notes that were sung, in the source's register.
        doubtful: share of the source's frames in which the trackers disagree on the conversion, 0-1: where the doubt
            was the tracker's.
        voicing: share of frames on whose voicing source and conversion agree, 0-1.
    """

    median_cents: float
    rpa50: float
    rmse_hz: float
    doubtful: float
    voicing: float


class JointTracker:
    """Both trackers, on one clock."""

    def __init__(self, settings: Settings, runtime: ModelRuntime) -> None:
        self._trackers = [create("pitch", name, settings, runtime) for name in TRACKERS]

    def read(self, audio: Audio) -> Readings:
        """Hear a recording with both."""
        return aligned([tracker.extract(audio) for tracker in self._trackers])


def aligned(contours: list[PitchContour]) -> Readings:
    """Contours on the common clock, as far as all of them reach."""
    frames = int(max(contour.f0.size * contour.hop_seconds for contour in contours) / CLOCK_SECONDS) + 1
    curves = [on_clock(contour, CLOCK_SECONDS, frames) for contour in contours]
    return np.stack([curve[: min(map(len, curves))] for curve in curves])


def agreed(readings: Readings) -> NDArray[np.float64]:
    """The melody where both trackers agree on it, Hz (frames,); 0 elsewhere."""
    return np.where(_together(readings), np.sqrt(readings.prod(axis=0)), 0.0)


def median_hz(readings: Readings) -> float:
    """The middle of the melody; NaN where the trackers agree on no note."""
    melody = agreed(readings)
    return float(np.median(melody[melody > 0])) if (melody > 0).any() else float("nan")


def compare(source: Readings, converted: Readings, semitones: float) -> MelodyAccuracy:
    """Compare two recordings; `semitones` is what the conversion was transposed by, taken out first."""
    frames = min(source.shape[1], converted.shape[1])
    source, converted = source[:, :frames], converted[:, :frames] / 2 ** (semitones / 12)
    melody = agreed(source)
    counted = melody > 0
    cents = _nearest_cents(converted[:, counted], melody[counted])
    sung = ~np.isnan(cents)
    wrong_hz = melody[counted][sung] * (2 ** (cents[sung] / CENTS_PER_OCTAVE) - 1)
    heard, kept = source > 0, converted > 0
    settled = (heard[0] == heard[1]) & (kept[0] == kept[1])
    return MelodyAccuracy(
        median_cents=float(np.median(np.abs(cents[sung]))) if sung.any() else float("nan"),
        rpa50=float(np.mean(np.abs(cents) <= RPA_TOLERANCE_CENTS)) if cents.size else float("nan"),
        rmse_hz=float(np.sqrt(np.mean(wrong_hz**2))) if sung.any() else float("nan"),
        doubtful=float(np.mean((~_together(converted) & kept.any(axis=0))[counted])) if counted.any() else float("nan"),
        voicing=float(np.mean((heard == kept)[0][settled])) if settled.any() else float("nan"),
    )


def _together(readings: Readings) -> NDArray[np.bool_]:
    """Frames in which both trackers hear the same note."""
    voiced = (readings > 0).all(axis=0)
    one, other = np.where(voiced, readings, 1.0)
    together: NDArray[np.bool_] = voiced & (np.abs(CENTS_PER_OCTAVE * np.log2(one / other)) <= RPA_TOLERANCE_CENTS)
    return together


def _nearest_cents(readings: Readings, melody: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each frame from the melody, positive is sharp; NaN where neither tracker hears a voice."""
    hertz = np.where(readings > 0, readings, np.nan)
    distance = CENTS_PER_OCTAVE * np.log2(hertz / melody)
    nearer = np.where(
        np.nan_to_num(np.abs(distance[0]), nan=np.inf) <= np.nan_to_num(np.abs(distance[1]), nan=np.inf), *distance
    )
    return np.where(_together(readings), distance.mean(axis=0), nearer)
