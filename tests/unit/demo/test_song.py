"""The demonstration's song: the band, and that melody, words and chords fit together."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.demo import band
from auto_voice.demo.lyric import BEATS_PER_MINUTE, CHORDS, INTRO_BEATS, LINES, OUTRO_BEATS
from auto_voice.inference.speech.singing import words_of

SCALE = {0, 2, 4, 5, 7, 9, 11}  # C major


def test_the_band_is_stereo_as_long_as_its_chords_and_below_full_scale() -> None:
    music = band.play(["C", "Am"], 120.0)

    assert (music.channels, music.sample_rate) == (2, 44100)
    assert music.duration == pytest.approx(2 * 2.0 + 2.0)
    assert np.abs(music.samples).max() == pytest.approx(10 ** (-3 / 20), abs=1e-4)
    assert not np.array_equal(music.samples[0], music.samples[1])
    assert np.abs(music.samples[:, -100:]).max() < 1e-3


def test_the_same_band_plays_the_same() -> None:
    np.testing.assert_array_equal(band.play(["C"], 100.0).samples, band.play(["C"], 100.0).samples)


def test_the_bass_plays_the_root() -> None:
    music = band.play(["G", "G"], 120.0).mono()
    spectrum = np.abs(np.fft.rfft(music[: 2 * 44100]))
    bass = np.argmax(spectrum[60:240]) / 2 + 30
    assert bass == pytest.approx(band.hertz(43 - 12), abs=2) or bass == pytest.approx(band.hertz(43 - 12 + 7), abs=2)


def test_lyric_and_chords_fill_the_same_bars() -> None:
    beats = INTRO_BEATS + sum(note.beats for line in LINES for note in line) + OUTRO_BEATS
    assert beats == len(CHORDS) * 4


def test_the_melody_is_in_key_and_in_range() -> None:
    notes = [note for line in LINES for note in line if note.syllable]
    assert all(note.midi % 12 in SCALE for note in notes)
    assert all(110 <= band.hertz(note.midi) <= 330 for note in notes)
    assert 25 <= sum(note.beats for line in LINES for note in line) * 60 / BEATS_PER_MINUTE <= 40


def test_every_line_ends_in_a_breath() -> None:
    assert all(line[-1].syllable == "" and line[-1].beats > 0 for line in LINES)
    assert words_of(LINES[0]) == "Morning light is on the wall,"
