"""A decoder that always misses a melody the same way is asked so that the melody comes out."""

from __future__ import annotations

import numpy as np

from auto_voice.features import PitchContour
from auto_voice.inference.conversion.decoder_input import DecoderInput
from auto_voice.inference.conversion.pitch_following import asked_anew, semitones_apart


def contour(f0: np.ndarray, hop: float = 0.01) -> PitchContour:
    return PitchContour(f0=f0.astype(np.float32), confidence=(f0 > 0).astype(np.float32), hop_seconds=hop)


def asked(hertz: float) -> DecoderInput:
    empty = np.zeros((512, 40), np.float32)
    return DecoderInput(content=empty, f0=np.full(80, hertz, np.float32), energy=np.zeros(80, np.float32), gain=1.0)


def test_a_decoder_that_sings_flat_is_asked_for_more() -> None:
    wanted = contour(np.full(101, 220.0))
    given = asked(220.0)
    for _ in range(3):
        sung = contour(np.full(101, float(given.f0[40]) * 2 ** (-0.3 / 12)))  # always 30 cents flat
        given = asked_anew(given, sung, wanted)
    assert abs(12 * np.log2(given.f0[40] / 220) - 0.3) < 0.01


def test_a_note_an_octave_away_is_no_miss_to_lean_against() -> None:
    wanted = contour(np.full(101, 220.0))
    given = asked_anew(asked(220.0), contour(np.full(101, 110.0)), wanted)
    np.testing.assert_array_equal(given.f0, 220.0)


def test_what_is_unvoiced_stays_unvoiced() -> None:
    given = asked(220.0)
    given.f0[:20] = 0.0
    assert not asked_anew(given, contour(np.full(101, 210.0)), contour(np.full(101, 220.0))).f0[:20].any()


def test_semitones_are_counted_on_the_measured_clock() -> None:
    measured, wanted = contour(np.array([0.0, 220.0, 220.0])), contour(np.full(6, 440.0), hop=0.005)
    np.testing.assert_allclose(semitones_apart(measured, wanted), [np.inf, 12.0, 12.0], atol=1e-5)
    assert np.isinf(semitones_apart(measured, contour(np.zeros(0)))).all()
