"""Which seconds of a recording are judged."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import AudioTooShortError, InvalidAudioError, LowQualityAudioError
from auto_voice.models.networks.distillmos import SEGMENT
from auto_voice.utils.naturalness import SEGMENTS, representative_places, segments

RATE = 8000


def noise(seconds: float, channels: int = 1) -> Audio:
    generator = np.random.default_rng(1)
    return Audio(generator.normal(0, 0.1, (channels, int(seconds * RATE))).astype(np.float32), RATE)


def test_a_short_recording_is_heard_whole() -> None:
    recording = noise(3.0)
    assert representative_places(recording) == [0.0]
    (heard,) = segments(recording, [0.0])
    assert heard.size == 3 * 16_000


@pytest.mark.parametrize("seconds", [8.0, 12.0, 15.36, 20.0])
def test_a_recording_up_to_the_limit_is_covered_to_its_end(seconds: float) -> None:
    recording = noise(seconds, channels=2)
    places = representative_places(recording)
    assert places[0] == 0
    assert places[-1] + 7.68 == pytest.approx(seconds)
    assert all(later - earlier <= 7.68 for earlier, later in pairwise(places))
    assert {heard.shape for heard in segments(recording, places)} == {(SEGMENT,)}


def test_of_a_long_song_the_sung_parts_are_heard() -> None:
    song = noise(200.0)
    song.samples[:, : 150 * RATE] = 0
    places = representative_places(song)
    assert len(places) == SEGMENTS
    assert min(places) > 140


def test_a_segment_in_which_nothing_sounds_is_left_out() -> None:
    song = noise(20.0)
    song.samples[:, : 10 * RATE] = 0
    assert len(segments(song, [0.0, 10.0])) == 1


@pytest.mark.parametrize(
    ("recording", "error"),
    [
        (noise(0.5), AudioTooShortError),
        (Audio(np.zeros((1, 0), dtype=np.float32), RATE), AudioTooShortError),
        (Audio(np.zeros((2, 5 * RATE), dtype=np.float32), RATE), LowQualityAudioError),
        (Audio(np.full((1, 5 * RATE), np.nan, dtype=np.float32), RATE), InvalidAudioError),
        (Audio(np.full((1, 5 * RATE), np.inf, dtype=np.float32), RATE), InvalidAudioError),
    ],
    ids=["too short", "empty", "silent", "NaN", "infinite"],
)
def test_what_cannot_be_judged_says_why(recording: Audio, error: type[Exception]) -> None:
    with pytest.raises(error):
        representative_places(recording)
