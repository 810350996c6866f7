"""Word errors are counted on words, not on spelling; sound that can't be heard is refused."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import InvalidAudioError, LowQualityAudioError
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.intelligibility import WordRecognizer, normalise, word_error_rate


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [
        ("Hello, world!", "hello world", 0.0),
        ("I won't pay twenty-three dollars.", "I will not pay $23", 0.0),
        ("Mr. Smith's favourite colour", "mister smith's favorite color", 0.0),
        ("the old clock strikes nine", "the cold clock strikes", 0.4),
        ("a song", "", 1.0),
    ],
)
def test_words_count_and_spelling_does_not(reference: str, hypothesis: str, errors: float) -> None:
    assert word_error_rate(reference, hypothesis) == pytest.approx(errors)


def test_other_languages_keep_their_letters() -> None:
    assert normalise("Ça va, l'été ?", "fr") == "ça va l été"


@pytest.mark.parametrize(
    ("samples", "error"),
    [
        (np.zeros((1, 16_000)), LowQualityAudioError),
        (np.zeros((1, 0)), LowQualityAudioError),
        (np.full((2, 16_000), np.nan), InvalidAudioError),
    ],
)
def test_nothing_to_hear_is_refused_before_a_model_is_loaded(
    samples: np.ndarray, error: type[Exception], runtime: ModelRuntime
) -> None:
    with pytest.raises(error):
        WordRecognizer(runtime).transcribe(Audio(samples.astype(np.float32), 16_000))
    with pytest.raises(error):
        WordRecognizer(runtime).timed(Audio(samples.astype(np.float32), 16_000))
