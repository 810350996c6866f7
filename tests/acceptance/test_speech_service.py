"""A text goes in at the door of a real service, and is understood by whoever listens to the stream."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import jiwer
import numpy as np
import openai
import pytest

from auto_voice.audio import decode, resample_samples
from auto_voice.config import load_settings
from auto_voice.inference.speech.text.normalise import normalise
from auto_voice.models.runtime import ModelRuntime
from service import running_service

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

pytestmark = pytest.mark.models

TEXT = (
    "Good morning, and welcome to the river. The boat leaves at half past nine, so please be here in time."
    " Bring a warm coat and something to eat, because it will be a long day on the water."
)


@pytest.fixture(scope="module")
def whisper() -> WhisperModel:
    from faster_whisper import WhisperModel

    file = ModelRuntime(load_settings(), "cpu").model_file("whisper-base", "model.bin")
    return WhisperModel(str(file.parent), device="cpu", compute_type="int8")


def words(text: str) -> str:
    return " ".join(re.findall("[a-z']+", normalise(text).text.lower().replace("-", " ")))


def test_streamed_speech_is_understood(whisper: WhisperModel, tmp_path: Path) -> None:
    path = tmp_path / "speech.opus"
    with (
        running_service(tmp_path, {"tts.engine": "kokoro"}, weights=("kokoro-82m", "kokoro-voices")) as service,
        openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0, timeout=300) as client,
        client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="fable", input=TEXT, response_format="opus"
        ) as answer,
        path.open("wb") as file,
    ):
        chunks = answer.iter_bytes()
        file.write(next(chunks))
        begun = service.store.get(answer.headers["x-job-id"])
        file.writelines(chunks)

    assert (begun.state, begun.progress < 100) == ("processing", True)
    audio = decode(path)
    samples = np.pad(resample_samples(audio.mono(), audio.sample_rate, 16000), 8000)
    segments, _ = whisper.transcribe(samples, language="en", beam_size=5)
    assert jiwer.wer(words(TEXT), words(" ".join(segment.text for segment in segments))) <= 0.1
    assert 8 < audio.duration < 18
