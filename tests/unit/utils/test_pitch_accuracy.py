"""Melodies with known differences get the figures that arithmetic gives."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.features import PitchContour
from auto_voice.utils.pitch_accuracy import compare_contours

HOP = 0.01
GLIDE = np.linspace(200.0, 300.0, 400)


def contour(f0: np.ndarray, hop: float = HOP) -> PitchContour:
    hertz = np.asarray(f0, dtype=np.float32)
    return PitchContour(f0=hertz, confidence=(hertz > 0).astype(np.float32), hop_seconds=hop)


def moved(f0: np.ndarray, cents: float) -> np.ndarray:
    return f0 * 2 ** (cents / 1200)


def test_the_same_melody_is_perfect() -> None:
    found = compare_contours(contour(GLIDE), contour(GLIDE))
    assert found.rmse_hz == 0
    assert found.rpa50 == found.voiced_accuracy == 1
    assert found.correlation == pytest.approx(1)
    assert found.overlap_seconds == pytest.approx(4.0)
    assert found.reason is None


@pytest.mark.parametrize(("cents", "share"), [(25, 1.0), (49, 1.0), (51, 0.0), (-49, 1.0), (-1200, 0.0)])
def test_a_moved_melody_is_off_by_as_many_cents(cents: float, share: float) -> None:
    found = compare_contours(contour(GLIDE), contour(moved(GLIDE, cents)))
    assert found.rmse_cents == pytest.approx(abs(cents), rel=1e-3)
    assert found.median_cents == pytest.approx(abs(cents), rel=1e-3)
    assert found.rpa50 == share
    expected = np.sqrt(np.mean((moved(GLIDE, cents) - GLIDE) ** 2))
    assert found.rmse_hz == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("semitones", [12.0, -5.0, 0.5])
def test_the_transposition_asked_for_is_no_error(semitones: float) -> None:
    found = compare_contours(contour(GLIDE), contour(moved(GLIDE, 100 * semitones)), semitones)
    assert found.rmse_hz == pytest.approx(0, abs=1e-3)
    assert found.rpa50 == 1
    assert found.transposition_semitones == semitones


def test_an_octave_error_in_a_tenth_of_the_song_is_counted_there_only() -> None:
    sung = GLIDE.copy()
    sung[:40] *= 2
    found = compare_contours(contour(GLIDE), contour(sung))
    assert found.rpa50 == pytest.approx(0.9)
    assert found.median_cents == 0
    assert found.rmse_cents == pytest.approx(1200 * np.sqrt(0.1), rel=1e-3)


def test_lost_voicing_counts_against_raw_pitch_accuracy_and_voicing() -> None:
    sung = GLIDE.copy()
    sung[:100] = 0
    found = compare_contours(contour(GLIDE), contour(sung))
    assert found.rpa50 == found.voiced_accuracy == pytest.approx(0.75)
    assert found.rmse_hz == 0


@pytest.mark.parametrize(
    ("original", "converted", "reason"),
    [
        ([200.0, 0.0], [0.0, 200.0], "never voiced at the same time"),
        ([0.0, 0.0], [200.0, 200.0], "the original has no voiced frame"),
        ([200.0, 200.0], [0.0, 0.0], "the conversion has no voiced frame"),
        ([], [200.0], "no frames"),
    ],
)
def test_without_voiced_overlap_there_is_a_reason_and_no_score(
    original: list[float], converted: list[float], reason: str
) -> None:
    found = compare_contours(contour(np.repeat(original, 50)), contour(np.repeat(converted, 50)))
    assert found.rmse_hz is found.rmse_cents is found.rpa50 is found.correlation is None
    assert found.reason is not None
    assert reason in found.reason


def test_a_melody_that_never_moves_has_no_correlation() -> None:
    found = compare_contours(contour(np.full(50, 220.0)), contour(np.full(50, 220.0)))
    assert found.correlation is None
    assert found.rmse_hz == 0
    assert found.reason is not None


@pytest.mark.parametrize("hop", [0.005, 0.008, 0.016])
def test_contours_of_different_hops_are_compared_on_one_clock(hop: float) -> None:
    def vibrato(step: float) -> np.ndarray:
        return 220 * 2 ** (np.sin(2 * np.pi * 5 * np.arange(0, 4, step)) / 24)

    found = compare_contours(contour(vibrato(HOP)), contour(vibrato(hop), hop))
    assert found.rmse_cents is not None
    assert found.rmse_cents < 3
    assert found.overlap_seconds == pytest.approx(4.0, abs=0.02)


def test_only_the_time_that_both_cover_is_compared() -> None:
    found = compare_contours(contour(GLIDE), contour(GLIDE[:100]))
    assert found.rpa50 == found.voiced_accuracy == 1
    assert found.overlap_seconds == pytest.approx(1.0)
