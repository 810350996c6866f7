"""Speech and song as they are heard: by a recogniser and by a pitch detector."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jiwer
import numpy as np
import pytest

from auto_voice.audio import Audio, resample_samples
from auto_voice.config import Settings
from auto_voice.demo.lyric import BEATS_PER_MINUTE, LINES
from auto_voice.features import no_progress
from auto_voice.inference.engine import TTSEngine
from auto_voice.inference.pipeline.lyrics import Lyrics
from auto_voice.inference.pitch.swiftf0 import SwiftF0Extractor
from auto_voice.inference.speech.singing import sing, words_of
from auto_voice.inference.speech.text.normalise import normalise
from auto_voice.inference.speech.voices import VOICES
from auto_voice.inference.synthesis import KokoroSynthesizer
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.intelligibility import WordRecognizer, word_error_rate

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

pytestmark = pytest.mark.models

SENTENCE = "Dr. Smith paid $3.50 for a cup of coffee on November 23rd."
PLAIN = "Nobody in the harbour looked up when the old captain came home."


@pytest.fixture(scope="module")
def models() -> ModelRuntime:
    """One runtime for the file: the models load once."""
    from auto_voice.config import load_settings

    return ModelRuntime(load_settings(), "cpu")


@pytest.fixture(scope="module")
def whisper(models: ModelRuntime) -> WhisperModel:
    from faster_whisper import WhisperModel

    return WhisperModel(str(models.model_file("whisper-base", "model.bin").parent), device="cpu", compute_type="int8")


def heard(whisper: WhisperModel, audio: Audio) -> str:
    samples = np.pad(resample_samples(audio.mono(), audio.sample_rate, 16000), 8000)
    segments, _ = whisper.transcribe(samples, language="en", beam_size=5)
    return words(" ".join(segment.text for segment in segments))


def words(text: str) -> str:
    return " ".join(re.findall("[a-z']+", normalise(text).text.lower().replace("-", " ")))


@pytest.mark.parametrize(("voice", "errors"), [("af_heart", 0.1), ("bm_george", 0.1), ("zf_xiaobei", 0.4)])
def test_a_sentence_is_understood(
    settings: Settings, models: ModelRuntime, whisper: WhisperModel, voice: str, errors: float
) -> None:
    audio = TTSEngine(settings, runtime=models).synthesize(SENTENCE, voice)

    assert jiwer.wer(words(SENTENCE), heard(whisper, audio)) <= errors
    assert 2.5 < audio.duration < 7
    assert np.abs(audio.samples).max() <= 0.9


def test_pitch_goes_up_by_what_was_asked(settings: Settings, models: ModelRuntime) -> None:
    engine = TTSEngine(settings, runtime=models)
    medians = []
    for pitch in (0.0, 5.0):
        contour = SwiftF0Extractor(models).extract(engine.synthesize("The morning rain is over now.", pitch=pitch))
        medians.append(np.median(contour.f0[contour.voiced]))
    assert 12 * np.log2(medians[1] / medians[0]) == pytest.approx(5.0, abs=0.7)


def test_every_voice_has_its_styles(settings: Settings, models: ModelRuntime) -> None:
    kokoro = KokoroSynthesizer(settings, models)
    styles = np.stack([kokoro.style(name, 60) for name in VOICES])
    distances = np.linalg.norm(styles[:, None] - styles[None], axis=2) + 10 * np.eye(len(styles))

    assert np.isfinite(styles).all()
    assert distances.min() > 0.01


def test_a_sung_line_is_in_tune_and_understood(settings: Settings, models: ModelRuntime, whisper: WhisperModel) -> None:
    line = LINES[1]
    sung = sing([line], "am_michael", BEATS_PER_MINUTE, KokoroSynthesizer(settings, models))
    found = SwiftF0Extractor(models).extract(sung.audio)
    clock = np.arange(len(found.f0)) * found.hop_seconds
    index = np.minimum((clock / sung.f0.hop_seconds).round().astype(int), len(sung.f0.f0) - 1)
    wanted = sung.f0.f0[index]
    both = (found.f0 > 0) & (wanted > 0)
    cents = 1200 * np.log2(found.f0[both] / wanted[both])

    assert np.median(np.abs(cents)) < 20
    assert np.mean(np.abs(cents) < 50) > 0.85
    assert jiwer.wer(words(words_of(line)), heard(whisper, sung.audio)) <= 0.34


def test_the_words_of_a_recording_are_found_where_they_are_said(settings: Settings, models: ModelRuntime) -> None:
    kokoro = KokoroSynthesizer(settings, models)
    spoken = TTSEngine(settings, runtime=models).synthesize(PLAIN, "am_michael")
    pause = np.zeros((1, 3 * spoken.sample_rate), np.float32)
    twice = Audio(np.concatenate([pause, spoken.samples, pause, spoken.samples], axis=1), spoken.sample_rate)
    heard, language = WordRecognizer(models).timed(twice)
    assert language == "en"
    assert word_error_rate(f"{PLAIN} {PLAIN}", " ".join(each.text for each in heard)) < 0.1
    lines = Lyrics(WordRecognizer(models), kokoro)(twice, no_progress)
    assert sum(len(line.words) for line in lines) == pytest.approx(2 * len(PLAIN.split()), abs=2)
    assert lines[-1].end == pytest.approx(twice.duration, abs=1.0)
