"""Where there is voice: what the speech detector hears, the notes that hang on to it, and their range."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import LowQualityAudioError
from auto_voice.features import PitchContour
from auto_voice.inference.recordings.speech_activity import WINDOW, SpeechActivity
from auto_voice.inference.recordings.vocal_range import note_name, vocal_range
from auto_voice.inference.recordings.voice_windows import find_voice, within

WINDOW_SECONDS = WINDOW / 16_000


def activity(*probabilities: float) -> SpeechActivity:
    return SpeechActivity(probability=np.array(probabilities, np.float32))


def contour(f0: np.ndarray, hop_seconds: float = 0.008) -> PitchContour:
    f0 = f0.astype(np.float32)
    return PitchContour(f0=f0, confidence=(f0 > 0).astype(np.float32), hop_seconds=hop_seconds)


def test_speech_begins_sure_and_ends_doubtful() -> None:
    heard = activity(0.4, 0.1, 0.4, 0.9, 0.4, 0.4, 0.3, 0.4).active
    assert heard.tolist() == [False, False, True, True, True, True, False, False]
    assert activity().active.size == 0


def voice_of(levels: list[float], speech: list[float], pitched: list[bool], **how: bool) -> list[bool]:
    samples = np.repeat(levels, WINDOW) * np.sin(np.arange(len(levels) * WINDOW) * 0.2)
    pitch = np.repeat(pitched, 4) * 200.0
    recording = Audio(samples.astype(np.float32)[None], 16_000)
    return find_voice(recording, activity(*speech), contour(pitch), **how).tolist()


def test_a_held_note_belongs_to_the_word_it_hangs_on() -> None:
    assert voice_of([0.1] * 6, [0, 0.9, 0.9, 0, 0, 0], [False, True, True, True, True, False]) == [
        *[False, True, True, True, True, False]
    ]


def test_a_note_apart_from_words_may_be_an_instrument() -> None:
    levels, speech = [0.1] * 6, [0.9, 0.9, 0, 0, 0, 0]
    pitched = [True, True, False, False, True, True]
    assert voice_of(levels, speech, pitched) == [True, True, False, False, False, False]
    assert voice_of(levels, speech, pitched, only_voice=True) == [True, True, False, False, True, True]


def test_hum_between_words_is_no_voice() -> None:
    levels, speech = [0.1, 0.1, *[0.002] * 6, 0.1], [0.9, 0.9, *[0.0] * 6, 0.9]
    assert voice_of(levels, speech, [True] * 9)[3:7] == [False] * 4


def test_without_speech_there_is_no_voice() -> None:
    assert voice_of([0.1] * 4, [0.1] * 4, [True] * 4, only_voice=True) == [False] * 4


def test_the_melody_is_unvoiced_outside_the_voice() -> None:
    melody = contour(np.full(16, 200.0), hop_seconds=WINDOW_SECONDS / 4)
    assert within(melody, np.array([False, True, True, False])).voiced.tolist() == [
        *[False] * 4, *[True] * 8, *[False] * 4
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("hertz", "name"), [(440, "A4"), (261.63, "C4"), (27.5, "A0"), (466.16, "A#4"), (450, "A4"), (454, "A#4")]
)
def test_notes_have_names(hertz: float, name: str) -> None:
    assert note_name(hertz) == name


def sweep(low: float, high: float, seconds: float = 20) -> np.ndarray:
    """Up and down between two pitches, evenly in semitones."""
    clock = np.linspace(0, 4 * np.pi, int(seconds / 0.008))
    return low * (high / low) ** (np.abs(((clock / np.pi) % 2) - 1))


def test_the_range_is_where_nine_tenths_of_the_voice_are() -> None:
    found = vocal_range(contour(sweep(110, 440)))
    assert found.min_pitch_hz == pytest.approx(110 * 4**0.05, rel=0.01)
    assert found.max_pitch_hz == pytest.approx(440 / 4**0.05, rel=0.01)
    assert found.median_pitch_hz == pytest.approx(220, rel=0.01)
    assert found.range_semitones == pytest.approx(21.6, abs=0.1)
    assert (found.min_note, found.max_note) == ("A#2", "G#4")


def test_mistaken_octaves_are_left_out() -> None:
    steady = sweep(110, 220)
    mistaken = steady.copy()
    for start in range(0, mistaken.size, 50):
        mistaken[start : start + 8] *= 2
    assert vocal_range(contour(mistaken)).max_pitch_hz == pytest.approx(vocal_range(contour(steady)).max_pitch_hz, 0.01)


def test_a_sung_leap_of_an_octave_stays() -> None:
    leaps = np.where(np.arange(4000) % 400 < 200, 150.0, 300.0)
    found = vocal_range(contour(leaps))
    assert (found.min_pitch_hz, found.max_pitch_hz) == (150, 300)


def test_whispering_has_no_range() -> None:
    with pytest.raises(LowQualityAudioError, match="pitch"):
        vocal_range(contour(np.r_[np.zeros(5000), np.full(100, 120.0)]))
