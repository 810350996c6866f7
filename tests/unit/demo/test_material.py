"""The room that the demonstration's voice is recorded in, and when its material counts as changed."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.demo.lyric import CHORDS, LINES
from auto_voice.demo.material import NOISE_FLOOR_DB, READER, READING, StockMaterial, in_room
from auto_voice.demo.song import SINGER
from auto_voice.inference.speech.singing import HIGHEST_HZ, LOWEST_HZ
from auto_voice.inference.speech.voices import VOICES
from auto_voice.models.runtime import ModelRuntime

RATE = 24000


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples).mean()))


def test_the_room_is_quiet_but_not_silent() -> None:
    heard = in_room(Audio(np.zeros((1, 2 * RATE), np.float32), RATE))
    assert level_db(heard.samples) == pytest.approx(NOISE_FLOOR_DB, abs=0.1)


def test_a_clap_is_followed_by_echoes_that_die_away() -> None:
    clap = np.zeros((1, RATE), np.float32)
    clap[0, 1000] = 0.8
    heard = in_room(Audio(clap, RATE)).mono()
    early, late = heard[1050:2200], heard[RATE // 2 :]
    assert heard[1000] == pytest.approx(0.8, abs=0.05)
    assert level_db(early) > level_db(late) + 10
    assert level_db(late) == pytest.approx(NOISE_FLOOR_DB, abs=1.5)


def test_a_loud_voice_is_not_clipped() -> None:
    loud = np.sin(np.arange(RATE) * 0.05, dtype=np.float32)[None]
    assert np.abs(in_room(Audio(loud, RATE)).samples).max() <= 0.9001


def test_the_same_sound_gives_the_same_recording() -> None:
    dry = Audio(np.random.default_rng(0).standard_normal((1, RATE)).astype(np.float32) * 0.1, RATE)
    assert np.array_equal(in_room(dry).samples, in_room(dry).samples)


def test_two_people_take_part() -> None:
    assert {READER, SINGER} <= set(VOICES)
    assert READER != SINGER


def test_material_counts_as_changed_when_what_it_is_made_of_changes(settings: Settings, runtime: ModelRuntime) -> None:
    ours = StockMaterial(settings, runtime)
    assert ours.song_recipe == StockMaterial(settings, runtime, lines=list(LINES)).song_recipe
    assert ours.voice_recipe != StockMaterial(settings, runtime, reading="Another text.").voice_recipe
    assert ours.song_recipe != StockMaterial(settings, runtime, lines=LINES[:1]).song_recipe
    assert ours.song_recipe != StockMaterial(settings, runtime, chords=CHORDS[:4]).song_recipe


def test_the_melody_stays_where_the_synthesizer_can_sing() -> None:
    sung = [440 * 2 ** ((note.midi - 69) / 12) for line in LINES for note in line if note.syllable]
    assert LOWEST_HZ <= min(sung) <= max(sung) <= HIGHEST_HZ


def test_the_text_is_read_in_three_quarters_of_a_minute() -> None:
    words = len(READING.split())
    assert 40 <= words / 190 * 60 <= 60  # the voice reads about 190 words a minute, less than the 2.4 s pauses
