"""How far to move the melody so that it lies where the target can sing it."""

from __future__ import annotations

import numpy as np

from auto_voice.features import PitchContour, Transposition

OCTAVE = 12
_WORTH_AN_OCTAVE = 8.0
"""Semitones between the melody's middle and the target's from which an octave's move is worth its loss of quality."""


def choose_transposition(contour: PitchContour, low_hz: float, median_hz: float, high_hz: float) -> Transposition:
    """The octave that brings a melody nearest to a voice. Only octaves: the accompaniment keeps its key.

    Args:
        contour: the song's melody.
        low_hz, median_hz, high_hz: the target's measured range.
    """
    voiced = contour.f0[contour.voiced]
    if not len(voiced):
        return Transposition(semitones=0.0, reason="no melody was found, so nothing is transposed")
    middle = float(np.median(voiced))
    distance = OCTAVE * float(np.log2(median_hz / middle))
    about = (
        f"the melody lies around {middle:.0f} Hz, the voice around {median_hz:.0f} Hz ({low_hz:.0f}–{high_hz:.0f} Hz)"
    )
    if abs(distance) < _WORTH_AN_OCTAVE:
        return Transposition(semitones=0.0, reason=f"{about}: near enough to stay where it is")
    octaves = int(np.clip(round(distance / OCTAVE), -1, 1)) or (1 if distance > 0 else -1)
    way = "up" if octaves > 0 else "down"
    return Transposition(semitones=float(OCTAVE * octaves), reason=f"{about}: moved one octave {way}")
