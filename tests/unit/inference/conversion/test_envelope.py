"""The envelope shows the vowel, whatever the pitch."""

import numpy as np
import pytest

from auto_voice.inference.conversion.envelope import (
    ORDER,
    cosine_basis,
    interpolate_frames,
    normalise_level,
    track_envelopes,
)
from vowels import FORMANTS, sung_vowel


def envelope_of(vowel: str, hz: float) -> np.ndarray:
    samples = sung_vowel(vowel, hz, 0.5)
    track = track_envelopes(samples, np.full(51, hz, np.float32))
    return (track.shapes[10:40].mean(axis=0) @ cosine_basis()).astype(np.float64)


@pytest.mark.parametrize("hz", [110.0, 150.0, 220.0])
def test_first_formant_is_found_at_any_pitch(hz: float) -> None:
    envelope = envelope_of("a", hz)
    peak = np.argmax(envelope[20:70]) + 20
    assert abs(peak * 16000 / 1024 - FORMANTS["a"][0]) < 130


def test_the_same_vowel_at_two_pitches_is_nearer_than_two_vowels() -> None:
    same = np.abs(envelope_of("a", 110) - envelope_of("a", 180)).mean()
    other = np.abs(envelope_of("a", 110) - envelope_of("i", 110)).mean()
    assert same < 0.4 * other


def test_level_is_taken_out_and_told() -> None:
    loud = track_envelopes(sung_vowel(), np.full(101, 200, np.float32))
    quiet = track_envelopes(0.1 * sung_vowel(), np.full(101, 200, np.float32))
    np.testing.assert_allclose(loud.levels[20:80] - quiet.levels[20:80], np.log(100), atol=0.05)
    assert np.abs(loud.shapes[20:80] - quiet.shapes[20:80]).mean() < 0.05


def test_normalised_shapes_have_mean_power_one() -> None:
    shapes = np.random.default_rng(0).normal(0, 1, (7, ORDER)).astype(np.float32)
    levelled, levels = normalise_level(shapes)
    np.testing.assert_allclose(np.exp(levelled @ cosine_basis()).mean(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(levels, np.log(np.exp(shapes @ cosine_basis()).mean(axis=1)), rtol=1e-4)


def test_basis_is_orthonormal() -> None:
    np.testing.assert_allclose(cosine_basis() @ cosine_basis().T, np.eye(ORDER), atol=1e-4)


@pytest.mark.parametrize(
    "samples", [np.zeros(16000, np.float32), np.zeros(0, np.float32), np.full(300, 1e-30, np.float32)]
)
def test_silence_and_nothing_have_finite_envelopes(samples: np.ndarray) -> None:
    track = track_envelopes(samples, np.zeros(len(samples) // 160 + 1, np.float32))
    assert len(track.shapes) == len(samples) // 160 + 1
    assert np.isfinite(track.shapes).all() and np.isfinite(track.levels).all()


def test_more_frames_than_samples_reads_silence() -> None:
    track = track_envelopes(np.zeros(160, np.float32), np.zeros(50, np.float32))
    assert track.shapes.shape == (50, ORDER)


def test_interpolation_is_linear_and_holds_the_ends() -> None:
    rows = np.arange(4, dtype=np.float32)[:, None]
    np.testing.assert_allclose(interpolate_frames(rows, np.array([-1.0, 0.5, 2.25, 9.0]))[:, 0], [0, 0.5, 2.25, 3])
