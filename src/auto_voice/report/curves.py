"""Waveforms and melodies as SVG paths: drawn by the page's own style sheet, light or dark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio
from auto_voice.features import PitchContour

WIDTH = 1000
"""Units across every picture."""
WAVE_HEIGHT = 100
PITCH_HEIGHT = 300

_WAVE_COLUMNS = 800
_PITCH_POINTS = 2500
_LARGEST_STEP = 7.0
_NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A line across a picture, and what is written beside it."""

    place: float
    label: str


@dataclass(frozen=True, kw_only=True)
class PitchPicture:
    """Melodies over each other on one scale.

    Attributes:
        original: path of the original, or "" without it.
        converted: path of the conversion, or "".
        notes: the Cs, or every other note where the range is small.
        times: seconds.
    """

    original: str
    converted: str
    notes: list[Tick]
    times: list[Tick]


def waveform(audio: Audio, seconds: float) -> str:
    """Outline of a recording in a picture of WIDTH × WAVE_HEIGHT that is `seconds` long, scaled to its peak."""
    mono = np.nan_to_num(audio.mono())
    columns = max(1, min(_WAVE_COLUMNS, mono.size))
    edges = np.linspace(0, mono.size, columns + 1).astype(int)[:-1]
    if not mono.size:
        return ""
    top, bottom = np.maximum.reduceat(mono, edges), np.minimum.reduceat(mono, edges)
    peak = max(float(np.abs(mono).max()), 1e-9)
    middle = WAVE_HEIGHT / 2
    across = (np.arange(columns) + 0.5) / columns * WIDTH * min(1.0, audio.duration / seconds)
    upper = zip(across, middle - top / peak * middle * 0.96, strict=True)
    lower = zip(across[::-1], middle - bottom[::-1] / peak * middle * 0.96, strict=True)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in [*upper, *lower]) + "Z"


def melodies(
    original: PitchContour | None, converted: PitchContour | None, transposition_semitones: float, seconds: float
) -> PitchPicture | None:
    """Both melodies on a scale of semitones, the original moved by the transposition; None when none is voiced."""
    curves = [
        _semitones(original, transposition_semitones) if original is not None else np.empty(0),
        _semitones(converted, 0.0) if converted is not None else np.empty(0),
    ]
    voiced = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    if not voiced.size:
        return None
    low, high = np.floor(np.percentile(voiced, 0.5)) - 2, np.ceil(np.percentile(voiced, 99.5)) + 2
    hops = [contour.hop_seconds if contour else 1.0 for contour in (original, converted)]
    paths = [_path(curve, hop, low, high, seconds) for curve, hop in zip(curves, hops, strict=True)]
    step = 12 if high - low > 30 else 4 if high - low > 14 else 2
    notes = [
        Tick(place=_height(note, low, high), label=f"{_NOTES[note % 12]}{note // 12 - 1}")
        for note in range(int(low), int(high) + 1)
        if note % step == 0
    ]
    return PitchPicture(original=paths[0], converted=paths[1], notes=notes, times=time_ticks(seconds))


def time_ticks(seconds: float) -> list[Tick]:
    """Round times across a picture, at most eleven."""
    step = next(step for step in (0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800) if seconds / step <= 10)
    times = np.arange(step, 0.98 * seconds, step)  # none so near the edge that its label would stick out
    return [Tick(place=float(time / seconds) * WIDTH, label=_clock(float(time))) for time in times]


def _clock(time: float) -> str:
    return f"{time:g} s" if time < 60 else f"{int(time) // 60}:{int(time) % 60:02d}"


def _semitones(contour: PitchContour, shift: float) -> NDArray[np.float64]:
    """MIDI note numbers, NaN where there is no voice."""
    f0 = contour.f0.astype(np.float64)
    notes = np.full(f0.size, np.nan)
    notes[f0 > 0] = 69 + 12 * np.log2(f0[f0 > 0] / 440.0) + shift
    return notes


def _path(curve: NDArray[np.float64], hop: float, low: float, high: float, seconds: float) -> str:
    """The voiced stretches of a curve, parted where it leaps as no voice does; of a long one every n-th frame."""
    step = max(1, curve.size // _PITCH_POINTS)
    drawn: list[str] = []
    before = np.nan
    for index in range(0, curve.size, step):
        note = curve[index]
        if np.isfinite(note):
            place = f"{index * hop / seconds * WIDTH:.1f} {_height(note, low, high):.1f}"
            drawn.append(("L" if abs(note - before) < _LARGEST_STEP else "M") + place)
        before = note
    return "".join(drawn)


def _height(note: float, low: float, high: float) -> float:
    return float(np.clip((high - note) / (high - low), 0.0, 1.0)) * PITCH_HEIGHT
