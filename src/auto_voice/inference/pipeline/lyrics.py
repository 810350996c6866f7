"""The words of a song, as the neural decoder is told them: recognised, and put into sounds by the synthesizer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from auto_voice.audio import Audio
from auto_voice.errors import InvalidParametersError, LowQualityAudioError, ProcessingError
from auto_voice.features import Progress
from auto_voice.inference.conversion.wording import Line
from auto_voice.inference.speech.singing import token_borders
from auto_voice.inference.speech.text.normalise import normalise
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.speech.voices import DEFAULT_VOICE
from auto_voice.inference.synthesis import vocabulary
from auto_voice.utils.intelligibility import TimedWords

if TYPE_CHECKING:
    from auto_voice.inference.synthesis import Prosody

_LANGUAGE = "en"
_BRIDGED_SECONDS = 1.0
_LONGEST_SECONDS = 10.0
_LONGEST_TEXT = 300  # characters, whose sounds the synthesizer takes at once

_WORD = re.compile(r"[^\s.,;:!?…—()]+")

_log = logging.getLogger(__name__)


class Recognizer(Protocol):
    """The part of a WordRecognizer that is needed here."""

    def timed(self, audio: Audio, progress: Progress) -> tuple[list[TimedWords], str]:
        """See WordRecognizer."""


class Reader(Protocol):
    """The part of a synthesizer that is needed here: its first half."""

    def prosody(self, sounds: str, voice: str) -> Prosody:
        """See KokoroSynthesizer."""


class Lyrics:
    """Hears the words of English singing and speech; other languages are left to the content mapper."""

    def __init__(self, recognizer: Recognizer, reader: Reader) -> None:
        self._recognizer = recognizer
        self._reader = reader

    def __call__(self, vocals: Audio, progress: Progress) -> list[Line]:
        """See HearWords.

        Raises:
            ModelLoadError: Whisper or Kokoro is not installed.
        """
        try:
            heard, language = self._recognizer.timed(vocals, progress)
        except LowQualityAudioError:  # silence has no words
            return []
        if language != _LANGUAGE:
            _log.info("words heard in %s: sung as they were heard, for only English ones are known by sound", language)
            return []
        return [line for each in _joined(heard) if (line := self._line(each)) is not None]

    def _line(self, heard: TimedWords) -> Line | None:
        sounds = phonemes(normalise(heard.text).text)
        # The first token is silence: sound i is token i + 1.
        words = tuple((each.start() + 1, each.end() + 1) for each in _WORD.finditer(sounds))
        if not words:
            return None
        try:
            spoken = self._reader.prosody(sounds, DEFAULT_VOICE)
            borders = token_borders(spoken, len(sounds))
        except (InvalidParametersError, ProcessingError) as error:  # too many words, or two sounds that are alike
            _log.debug("a line is sung as it was heard: %s", error)
            return None
        tokens = np.array([0, *(vocabulary()[sound] for sound in sounds), 0])
        vectors = np.ascontiguousarray(spoken.content[:, borders[:-1]].T)
        return Line(start=heard.start, end=heard.end, tokens=tokens, vectors=vectors, words=words)


def _joined(heard: Iterable[TimedWords]) -> list[TimedWords]:
    """Neighbours made one, as far as they are not too long: where between them the border lies is little known."""
    joined: list[TimedWords] = []
    for each in heard:
        before = joined[-1] if joined else None
        if (
            before is not None
            and each.start - before.end < _BRIDGED_SECONDS
            and each.end - before.start <= _LONGEST_SECONDS
            and len(before.text) + len(each.text) < _LONGEST_TEXT
        ):
            joined[-1] = TimedWords(start=before.start, end=each.end, text=f"{before.text} {each.text}")
        elif each.text:
            joined.append(each)
    return joined
