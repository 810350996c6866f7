"""A recording is taken apart the same way whatever its level, and phrase by phrase."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.features import ContentFeatures, PitchContour
from auto_voice.inference.conversion.decoder_input import DecoderInput, decoder_input, decoder_samples, phrases
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from vowels import sung_vowel

SHAPE = MapperShape(features=12, content=512, phones=4, width=8, dilations=(1,), kernel=3)


def taken_apart(recording: Audio, f0: float = 200.0) -> DecoderInput:
    frames = int(recording.duration * 50)
    content = ContentFeatures(
        frames=np.random.default_rng(0).normal(size=(3, frames, 4)).astype(np.float16), hop_seconds=0.02, model="tiny"
    )
    track = np.full(int(recording.duration * 100) + 1, f0, np.float32)
    contour = PitchContour(f0=track, confidence=np.ones_like(track), hop_seconds=0.01)
    return decoder_input(recording, decoder_samples(recording), contour, content, ContentMapper(SHAPE).eval())


def vowel(seconds: float = 2.0, rate: int = 44100, level: float = 0.2) -> Audio:
    return Audio(level * sung_vowel("a", 200.0, seconds, rate)[None], rate)


@pytest.mark.parametrize("rate", [8000, 24000, 44100, 192000])
def test_the_clocks_fit_together(rate: int) -> None:
    given = taken_apart(vowel(2.01, rate))
    assert given.content.shape == (512, 80)
    assert given.f0.shape == given.energy.shape == (160,)
    np.testing.assert_allclose(given.f0, 200.0, rtol=1e-5)


def test_the_level_of_a_recording_is_taken_out_and_kept_as_its_gain() -> None:
    loud, quiet = taken_apart(vowel(level=0.4)), taken_apart(vowel(level=0.004))
    np.testing.assert_allclose(loud.energy[10:-10], quiet.energy[10:-10], atol=0.02)
    assert quiet.gain / loud.gain == pytest.approx(100, rel=0.02)


def test_silence_has_no_phrase_and_no_fault() -> None:
    given = taken_apart(Audio(np.zeros((1, 48000), np.float32), 24000), f0=0.0)
    assert np.isfinite(given.energy).all()
    assert np.isfinite(given.gain)


def energy(*parts: tuple[float, float]) -> np.ndarray:
    return np.concatenate([np.full(round(80 * seconds), level, np.float32) for seconds, level in parts])


def test_phrases_leave_the_pauses_out() -> None:
    found = phrases(energy((1, -9), (2, 5), (3, -9), (2, 5), (1, -9)))
    np.testing.assert_allclose(np.array(found) / 40, [(0.85, 3.15), (5.85, 8.15)], atol=0.05)


def test_a_short_breath_is_no_end_of_a_phrase_and_a_click_is_no_phrase() -> None:
    assert len(phrases(energy((1, -9), (1, 5), (0.3, -9), (1, 5), (2, -9), (0.1, 5), (1, -9)))) == 1


def test_a_long_phrase_is_cut_at_its_quietest_moment() -> None:
    found = phrases(energy((9, 6), (0.4, 1), (9, 6)))
    assert found[0][0] == 0
    assert abs(found[0][1] / 40 - 9.2) < 0.3
    assert found[1] == (found[0][1], len(energy((9, 6), (0.4, 1), (9, 6))) // 2)


def test_phrases_of_any_length_are_at_most_twelve_seconds() -> None:
    found = phrases(np.full(80 * 60, 5.0, np.float32))
    assert found[0][0] == 0
    assert found[-1][1] == 40 * 60
    assert all(end == following for (_, end), (following, _) in pairwise(found))
    assert max(end - first for first, end in found) <= 480
