"""Auto transposition moves by octaves, and only far melodies."""

import numpy as np
import pytest

from auto_voice.inference.conversion import choose_transposition
from vowels import steady_contour


@pytest.mark.parametrize(
    ("melody_hz", "voice_hz", "semitones"),
    [(220, 220, 0), (220, 150, 0), (330, 110, -12), (110, 220, 12), (110, 200, 12), (120, 700, 12), (440, 60, -12)],
)
def test_the_octave_that_suits(melody_hz: float, voice_hz: float, semitones: int) -> None:
    chosen = choose_transposition(steady_contour(melody_hz, 1.0), voice_hz * 0.7, voice_hz, voice_hz * 1.4)
    assert chosen.semitones == semitones
    assert f"{melody_hz:.0f} Hz" in chosen.reason and f"{voice_hz:.0f} Hz" in chosen.reason


def test_without_a_melody_nothing_moves() -> None:
    chosen = choose_transposition(steady_contour(0, 1.0), 100, 150, 200)
    assert chosen.semitones == 0 and "no melody" in chosen.reason
    assert np.isfinite(chosen.semitones)
