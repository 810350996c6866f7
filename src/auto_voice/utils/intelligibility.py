"""Whether the words survived: a recogniser writes down both recordings, and the differences are counted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jiwer
import numpy as np
import torch

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.errors import InvalidAudioError, LowQualityAudioError
from auto_voice.features import Progress, no_progress

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

RECOGNIZER = "whisper-base"
MAXIMUM_SECONDS = 120.0
"""Only the first two minutes are heard; they take about half a minute on two cores."""

_SAMPLE_RATE = 16_000
_SILENCE_PEAK = 1e-4
_LANGUAGE_CONFIDENCE = 0.7


@dataclass(frozen=True, kw_only=True)
class Intelligibility:
    """Word error rates of a conversion. A field is null where it can't be told; `reason` says why.

    Attributes:
        wer: word errors of the conversion per word of the reference; 0 is perfect, and it may be over 1.
        original_wer: the same of the original, when the expected text is known.
        wer_change: the conversion's minus the original's, when the expected text is known.
        reference_words: words in the reference.
        reference: "expected_text" or "original" (what the recogniser heard in the original).
        language: ISO 639-1 code that the recogniser heard in the original.
        original_text: transcript of the original.
        converted_text: transcript of the conversion.
        recognizer: the model that wrote them down.
        seconds_scored: how much of the conversion it heard.
    """

    wer: float | None = None
    original_wer: float | None = None
    wer_change: float | None = None
    reference_words: int | None = None
    reference: str | None = None
    language: str | None = None
    original_text: str | None = None
    converted_text: str | None = None
    recognizer: str = RECOGNIZER
    seconds_scored: float | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What a recogniser heard.

    Attributes:
        text: as written by it.
        language: ISO 639-1 code.
    """

    text: str
    language: str


@dataclass(frozen=True, kw_only=True)
class TimedWords:
    """A stretch of what a recogniser heard.

    Attributes:
        start, end: seconds; in singing they may be off by a second.
        text: as written by it.
    """

    start: float
    end: float
    text: str


class WordRecognizer:
    """Whisper base, through faster-whisper. Holds no state of its own: safe to share between threads."""

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        """Write down the words of the first two minutes.

        Args:
            audio: any rate and channels.
            language: ISO 639-1 code; heard in the recording when not given.

        Raises:
            InvalidAudioError: there are samples that aren't numbers.
            LowQualityAudioError: nothing but silence, in which Whisper would make up words.
            ModelLoadError: the recogniser isn't installed.
        """
        return self._transcribe(_audible(audio), language)

    def timed(self, audio: Audio, progress: Progress = no_progress) -> tuple[list[TimedWords], str]:
        """Write down all words of a recording.

        Args:
            audio: any rate, channels and length.

        Returns:
            The words, in order; the language (ISO 639-1) that was heard.

        Raises:
            InvalidAudioError, LowQualityAudioError, ModelLoadError: see `transcribe`.
        """
        wave = _audible(audio, audio.duration)

        def work(device: str, scale: float) -> tuple[list[TimedWords], str]:  # noqa: ARG001 - as in _transcribe
            with self._runtime.lease("whisper-base:recognizer", self._load) as model:
                language = _language(model, wave)
                found = []
                for part in _parts(model, wave, language):
                    progress(min(1.0, part.end * _SAMPLE_RATE / len(wave)))
                    found.append(TimedWords(start=part.start, end=part.end, text=part.text.strip()))
            return found, language

        result = self._runtime.run(work, "word recognition")
        progress(1.0)
        return result

    def compare(self, original: Audio, converted: Audio, *, expected_text: str | None = None) -> Intelligibility:
        """Count the word errors of a conversion against the expected text, else against the original's words.

        Raises:
            InputError: one of the recordings can't be heard (see `transcribe`).
            ModelLoadError: the recogniser isn't installed.
        """
        waves = _audible(original), _audible(converted)
        source = self._transcribe(waves[0], None)
        heard = self._transcribe(waves[1], source.language)
        expected = source.text if expected_text is None else expected_text
        common: dict[str, Any] = {
            "language": source.language,
            "original_text": source.text,
            "converted_text": heard.text,
            "reference": "original" if expected_text is None else "expected_text",
            "seconds_scored": min(MAXIMUM_SECONDS, converted.duration),
        }
        words = normalise(expected, source.language).split()
        if not words:
            return Intelligibility(**common, reference_words=0, reason="there are no words to compare with")
        wer = word_error_rate(expected, heard.text, source.language)
        if expected_text is None:
            reason = "original_wer: the original's own words are the reference"
            return Intelligibility(**common, wer=wer, reference_words=len(words), reason=reason)
        original_wer = word_error_rate(expected, source.text, source.language)
        return Intelligibility(
            **common,
            wer=wer,
            original_wer=original_wer,
            wer_change=wer - original_wer,
            reference_words=len(words),
        )

    def _transcribe(self, wave: Samples, language: str | None) -> Transcript:
        def work(device: str, scale: float) -> Transcript:  # noqa: ARG001 - one window at a time already
            with self._runtime.lease("whisper-base:recognizer", self._load) as model:
                spoken = language or _language(model, wave)
                text = " ".join(part.text.strip() for part in _parts(model, wave, spoken))
            return Transcript(text=text, language=spoken)

        return self._runtime.run(work, "word recognition")

    def _load(self, device: str) -> Any:
        from faster_whisper import WhisperModel

        folder = self._runtime.model_file("whisper-base", "model.bin").parent
        name, _, index = device.partition(":")
        return WhisperModel(
            str(folder),
            device=name,
            device_index=int(index or 0),
            compute_type="int8" if name == "cpu" else "float16",
            cpu_threads=torch.get_num_threads(),
            local_files_only=True,
        )


def _parts(model: Any, wave: Samples, language: str) -> Iterable[Any]:
    """Whisper's segments, heard one after the other as they are asked for."""
    # No fallback to higher temperatures and no memory of the last window: the same sound gives the same words
    # each time, and a misheard line doesn't repeat itself through the song.
    parts: Iterable[Any] = model.transcribe(
        wave, language=language, beam_size=5, temperature=0.0, condition_on_previous_text=False
    )[0]
    return parts


def _audible(audio: Audio, seconds: float = MAXIMUM_SECONDS) -> Samples:
    """The first seconds, mono, 16 kHz: float32 (samples,)."""
    mono: Samples = audio.samples[:, : math.ceil(seconds * audio.sample_rate)].mean(axis=0, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise InvalidAudioError("the audio has samples that aren't numbers")
    if not mono.size or np.abs(mono).max() < _SILENCE_PEAK:
        raise LowQualityAudioError("there is nothing but silence")
    return resample_samples(mono, audio.sample_rate, _SAMPLE_RATE)


def _language(model: Any, wave: Samples) -> str:
    """The language a recording is in; English where the recogniser is in doubt, as in a word or two."""
    language, probability, _ = model.detect_language(audio=wave)
    return str(language) if probability >= _LANGUAGE_CONFIDENCE else "en"


def word_error_rate(reference: str, hypothesis: str, language: str = "en") -> float:
    """Substituted, lost and added words per word of the reference, both normalised (see `normalise`).

    Raises:
        ValueError: the reference has no words.
    """
    return float(jiwer.wer(normalise(reference, language), normalise(hypothesis, language)))


def normalise(text: str, language: str = "en") -> str:
    """Lower case, no punctuation; in English also one way of writing numbers, contractions and spellings.

    The normalisers published with Whisper (Radford et al. 2022), from the package whisper-normalizer.
    """
    return str(_normaliser(language)(text)).strip()


@cache
def _normaliser(language: str) -> Any:
    from whisper_normalizer.basic import BasicTextNormalizer
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
