"""The content mapper's input: on the decoder's clock, without the recording's own colour."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.features import ContentFeatures
from auto_voice.inference.conversion.content_input import active_frames, mapper_input

RANDOM = np.random.default_rng(4)


def content(frames: np.ndarray) -> ContentFeatures:
    return ContentFeatures(frames=frames.astype(np.float16), hop_seconds=0.02, model="any")


def all_active(features: ContentFeatures) -> np.ndarray:
    return np.ones(features.frames.shape[1], bool)


@pytest.mark.parametrize(("frames", "expected"), [(50, 40), (51, 40), (52, 41), (1, 0), (1250, 1000)])
def test_there_are_40_frames_a_second(frames: int, expected: int) -> None:
    features = content(RANDOM.normal(size=(3, frames, 4)))
    assert mapper_input(features, all_active(features)).shape == (expected, 12)


def test_gain_and_offset_of_the_features_make_no_difference() -> None:
    plain = RANDOM.normal(size=(3, 100, 4))
    coloured = plain * RANDOM.uniform(2, 5, 4) + RANDOM.normal(size=4) * 3
    one, other = content(plain), content(coloured)
    np.testing.assert_allclose(mapper_input(one, all_active(one)), mapper_input(other, all_active(other)), atol=0.05)


def test_pauses_do_not_count_into_the_statistics() -> None:
    sounds = RANDOM.normal(size=(1, 100, 4))
    active = np.arange(200) < 100
    features = content(np.concatenate([sounds, np.full((1, 100, 4), 9.0)], axis=1))
    heard = mapper_input(features, active)[:80]
    np.testing.assert_allclose(heard[:78], mapper_input(content(sounds), active[:100])[:78], atol=1e-3)


def test_frames_lie_at_their_places_in_time() -> None:
    ramp = content((np.arange(100.0) + 0.5)[None, :, None] * 0.02)
    heard = mapper_input(ramp, all_active(ramp))[:, 0]
    times = (np.arange(80) + 0.5) / 40
    inner = slice(1, -1)
    slope, offset = np.polyfit(times[inner], heard[inner], 1)
    np.testing.assert_allclose(heard[inner], times[inner] * slope + offset, atol=2e-3)
    assert offset / slope == pytest.approx(-1.0, abs=0.01)  # zero at the mean of the recording, one second


def test_a_recording_played_slower_gives_as_many_frames() -> None:
    features = content(RANDOM.normal(size=(3, 120, 4)))
    assert mapper_input(features, all_active(features), 0.025 * 1.2).shape == (80, 12)


def test_what_is_30_db_below_the_loud_parts_is_not_active() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(48_000) / 16_000)
    gains = np.repeat([1.0, 0.1, 0.005], 16_000)
    sound = Audio((tone * gains)[None].astype(np.float32), 16_000)
    active = active_frames(sound, content(np.zeros((3, 150, 4))))
    assert active[:99].all() and not active[102:].any()


def test_silence_is_not_active_and_gives_finite_input() -> None:
    features = content(np.zeros((3, 50, 4)))
    active = active_frames(Audio(np.zeros((1, 16_000), np.float32), 16_000), features)
    assert not active.any()
    assert np.isfinite(mapper_input(features, active)).all()
