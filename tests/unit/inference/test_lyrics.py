"""What a recogniser wrote down becomes lines of sounds; what cannot be told the decoder is left out."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import CancelledError, InvalidParametersError, LowQualityAudioError
from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.wording import Line
from auto_voice.inference.pipeline.lyrics import Lyrics
from auto_voice.inference.synthesis import vocabulary
from auto_voice.utils.intelligibility import TimedWords
from tiny_speech import TinyHalves

VOCALS = Audio(np.zeros((1, 16_000), np.float32), 16_000)


class Recogniser:
    """Hears what it was told; nothing is silence."""

    def __init__(self, *parts: tuple[float, float, str], language: str = "en") -> None:
        self.parts = [TimedWords(start=start, end=end, text=text) for start, end, text in parts]
        self.language = language

    def timed(self, audio: Audio, progress: Progress) -> tuple[list[TimedWords], str]:
        if not self.parts:
            raise LowQualityAudioError
        progress(0.5)
        return self.parts, self.language


def lines(*parts: tuple[float, float, str], language: str = "en") -> list[Line]:
    return Lyrics(Recogniser(*parts, language=language), TinyHalves())(VOCALS, no_progress)


def test_a_line_has_a_vector_for_every_sound_and_knows_its_words() -> None:
    (line,) = lines((1.5, 3.0, "An old clock."))
    assert (line.start, line.end) == (1.5, 3.0)
    assert len(line.tokens) == len(line.vectors)
    assert line.tokens[0] == line.tokens[-1] == 0
    sound_of = {number: sound for sound, number in vocabulary().items()}
    words = ["".join(sound_of[token] for token in line.tokens[first:end]) for first, end in line.words]
    assert words == ["ɐn", "ˈOld", "klˈɑk"]


def test_neighbours_are_one_line_unless_that_is_long() -> None:
    found = lines((0, 3, "one two"), (3.5, 6, "three four"), (6, 12, "five six"), (14, 15, "seven"))
    assert [(line.start, line.end) for line in found] == [(0, 6), (6, 12), (14, 15)]
    assert [len(line.words) for line in found] == [4, 2, 1]


@pytest.mark.parametrize("text", ["", "♪♪", "...", "やったー"])
def test_what_has_no_sounds_is_left_out(text: str) -> None:
    assert [len(line.words) for line in lines((0, 3, text), (9, 10, "seven"))] == [1]


def test_other_languages_and_silence_have_no_lines() -> None:
    assert lines((0, 3, "les sanglots longs des violons"), language="fr") == []
    assert lines() == []


def test_more_words_than_the_synthesizer_takes_leave_the_others_alone() -> None:
    class Short(TinyHalves):
        def prosody(self, sounds: str, voice: str, speed: float = 1.0):  # type: ignore[no-untyped-def]
            if len(sounds) > 508:
                raise InvalidParametersError("too many")
            return super().prosody(sounds, voice, speed)

    many = Recogniser((0, 9, "never ending " * 90), (20, 21, "seven"))
    assert [len(line.words) for line in Lyrics(many, Short())(VOCALS, no_progress)] == [1]


def test_it_can_be_cancelled() -> None:
    def stop(fraction: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        Lyrics(Recogniser((0, 3, "one")), TinyHalves())(VOCALS, stop)
