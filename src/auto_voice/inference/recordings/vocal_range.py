"""The range a voice moves in, and the names of its notes."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from auto_voice.errors import LowQualityAudioError
from auto_voice.features import PitchContour
from auto_voice.profiles import VocalRange

_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_PERCENTILES = (5, 50, 95)
_SMOOTHING_SECONDS = 0.4
_STRAY_OCTAVES = 7 / 12
_MINIMUM_SECONDS = 2.0


def note_name(hertz: float) -> str:
    """The nearest note of equal temperament: 440 Hz is A4, 261.6 Hz is C4."""
    number = round(69 + 12 * np.log2(hertz / 440.0))
    return f"{_NOTES[number % 12]}{number // 12 - 1}"


def vocal_range(contour: PitchContour) -> VocalRange:
    """The 5th to 95th percentile of the F0, octave errors left out.

    A frame more than a fifth away from the median of the 0.4 s around it is a stray: a mistaken octave, a
    creak, the pitch of a consonant. A sung leap outlasts the 0.4 s and stays in.

    Raises:
        LowQualityAudioError: less than two seconds of pitched voice: whispering.
    """
    octaves = np.log2(contour.f0[contour.voiced].astype(np.float64))
    width = 2 * round(_SMOOTHING_SECONDS / contour.hop_seconds / 2) + 1
    steady = octaves[np.abs(octaves - median_filter(octaves, size=width)) <= _STRAY_OCTAVES]
    if steady.size * contour.hop_seconds < _MINIMUM_SECONDS:
        raise LowQualityAudioError(
            "hardly any pitch was found in the voice",
            suggestions=["Speak or sing with full voice, not in a whisper."],
        )
    low, median, high = (float(value) for value in np.exp2(np.percentile(steady, _PERCENTILES)))
    return VocalRange(
        min_pitch_hz=round(low, 1),
        max_pitch_hz=round(high, 1),
        median_pitch_hz=round(median, 1),
        min_note=note_name(low),
        max_note=note_name(high),
        range_semitones=round(12 * float(np.log2(high / low)), 1),
    )
