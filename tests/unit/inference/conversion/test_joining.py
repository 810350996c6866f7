"""The neural voice is used where it sings what was asked for, and the filtered source everywhere else."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.features import PitchContour
from auto_voice.inference.conversion.joining import join, trust

RATE = 24000
HOP = 0.01


def tone(hertz: float, seconds: float = 1.0, level: float = 0.2, rate: int = RATE) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def contour(f0: float | np.ndarray, seconds: float = 1.0) -> PitchContour:
    track = np.broadcast_to(np.asarray(f0, np.float32), (round(seconds / HOP) + 1,)).copy()
    return PitchContour(f0=track, confidence=(track > 0).astype(np.float32), hop_seconds=HOP)


def mono(samples: np.ndarray, rate: int = RATE) -> Audio:
    return Audio(samples[None].astype(np.float32), rate)


def test_what_is_sung_as_asked_is_trusted() -> None:
    weights = trust(mono(tone(220)), contour(221), contour(220), mono(tone(220)))
    assert weights.min() > 0.99


@pytest.mark.parametrize("sung", [0.0, 110.0, 240.0], ids=["missing", "an octave low", "a tone and a half high"])
def test_a_wrong_note_is_not_trusted(sung: float) -> None:
    f0 = np.full(101, 220.0)
    f0[40:60] = sung
    weights = trust(mono(tone(220)), contour(f0), contour(220), mono(tone(220)))
    assert weights[45:55].max() < 0.05
    assert weights[:30].min() > 0.99
    assert weights[70:].min() > 0.99


@pytest.mark.parametrize("frames", [1, 8])
def test_a_short_slip_makes_no_seam(frames: int) -> None:
    f0 = np.full(101, 220.0)
    f0[50 : 50 + frames] = 0.0
    assert trust(mono(tone(220)), contour(f0), contour(220), mono(tone(220))).min() > 0.99


@pytest.mark.parametrize("gain", [0.05, 20.0], ids=["swallowed", "raised"])
def test_what_is_far_quieter_or_louder_than_the_source_is_not_trusted(gain: float) -> None:
    sung = tone(220, level=0.02)
    sung[RATE // 2 :] *= gain
    weights = trust(mono(sung), contour(220), contour(220), mono(tone(220, level=0.02)))
    assert weights[:40].min() > 0.99
    assert weights[60:].max() < 0.05


def test_a_swallowed_consonant_makes_no_seam() -> None:
    sung = tone(220)
    sung[RATE // 2 : RATE // 2 + RATE // 6] = 0
    assert trust(mono(sung), contour(220), contour(220), mono(tone(220))).min() > 0.99


def test_each_takes_its_own_part() -> None:
    neural, filtered = mono(tone(300)), mono(tone(500))
    weights = np.repeat([1.0, 0.0], [50, 51]).astype(np.float32)
    joined = join(neural, filtered, weights, HOP).samples[0]
    np.testing.assert_allclose(joined[: RATE // 2 - 480], neural.samples[0, : RATE // 2 - 480], atol=1e-6)
    np.testing.assert_allclose(joined[RATE // 2 + 480 :], filtered.samples[0, RATE // 2 + 480 :], atol=1e-6)


def test_the_band_above_the_neural_voice_stays_the_sources() -> None:
    high = tone(15000, rate=44100)
    filtered = Audio((tone(500, rate=44100) + high)[None], 44100)
    joined = join(mono(tone(300)), filtered, np.ones(101, np.float32), HOP).samples[0]
    middle = slice(4410, -4410)
    np.testing.assert_allclose(joined[middle], (tone(300, rate=44100) + high)[middle], atol=2e-3)


def test_a_panned_singer_stays_where_she_was() -> None:
    filtered = Audio(np.stack([tone(500), np.zeros(RATE, np.float32)]), RATE)
    joined = join(mono(0.5 * tone(300)), filtered, np.ones(101, np.float32), HOP)
    np.testing.assert_allclose(joined.samples[0], tone(300), atol=1e-5)
    assert np.abs(joined.samples[1]).max() < 1e-5


def test_a_neural_voice_a_little_shorter_is_followed_by_the_source() -> None:
    filtered = mono(tone(500))
    joined = join(mono(tone(300, 0.9)), filtered, np.repeat([1.0, 0.0], [88, 13]).astype(np.float32), HOP)
    assert joined.samples.shape == filtered.samples.shape
    np.testing.assert_allclose(joined.samples[0, -1000:], filtered.samples[0, -1000:], atol=1e-6)
