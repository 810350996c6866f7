"""A shift moves the pitch, and keeps length, vowel and image."""

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.inference.conversion.envelope import cosine_basis, track_envelopes
from auto_voice.inference.conversion.pitch_shift import shift_pitch
from vowels import measured_f0, mono, steady_contour, sung_vowel


@pytest.mark.parametrize("semitones", [-12, -5, 3, 7, 12])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_pitch_moves_by_the_semitones(semitones: int, rate: int) -> None:
    shifted = shift_pitch(mono(sung_vowel("a", 200, 1.0, rate), rate), steady_contour(200, 1.0), semitones)
    expected = 200 * 2 ** (semitones / 12)
    assert 1200 * abs(np.log2(measured_f0(shifted.samples[0], rate) / expected)) < 15


@pytest.mark.parametrize("semitones", [-7, 7])
def test_the_vowel_stays(semitones: int) -> None:
    vowel = sung_vowel("a", 160, 1.0)
    shifted = shift_pitch(mono(vowel), steady_contour(160, 1.0), semitones).samples[0]
    moved_hz = 160 * 2 ** (semitones / 12)

    def envelope(samples: np.ndarray, hz: float) -> np.ndarray:
        return track_envelopes(samples, np.full(101, hz, np.float32)).shapes[20:80].mean(axis=0) @ cosine_basis()

    difference = np.abs(envelope(shifted, moved_hz) - envelope(vowel, 160))[:256].mean()
    other = np.abs(envelope(sung_vowel("i", 160, 1.0), 160) - envelope(vowel, 160))[:256].mean()
    assert difference < 0.5 * other


def test_stereo_keeps_its_balance() -> None:
    vowel = sung_vowel()
    stereo = Audio(np.stack([vowel, 0.25 * vowel]), 16000)
    shifted = shift_pitch(stereo, steady_contour(200, 1.0), 5)
    np.testing.assert_allclose(shifted.samples[1], 0.25 * shifted.samples[0], atol=1e-6)


def test_unvoiced_sound_stays_as_it_is() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    contour = steady_contour(0, 1.0)
    shifted = shift_pitch(mono(noise), contour, 12).samples[0]
    np.testing.assert_allclose(shifted[400:-400], noise[400:-400], atol=1e-5)


@pytest.mark.parametrize("frames", [0, 1, 50])
def test_next_to_nothing_keeps_its_length(frames: int) -> None:
    assert shift_pitch(mono(np.zeros(frames, np.float32)), steady_contour(200, 0.0), 12).frames == frames
