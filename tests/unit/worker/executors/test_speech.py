"""A text becomes a file that grows sentence by sentence, and says in the end where it came from."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, InvalidParametersError
from auto_voice.inference import engine
from auto_voice.inference.speech.voices import VOICES, Voice
from auto_voice.jobs.job import Job, Kind, new_job_id
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import ProfileStore
from auto_voice.provenance import public_key, verify
from auto_voice.storage.paths import Paths
from auto_voice.worker.context import WorkerContext
from auto_voice.worker.executors.speech import STAGE, SpeechExecutor

RATE = 24000
TEXT = "The first sentence is here. The second one is a bit longer. And this is the third one."


class Hummer:
    """A synthesizer that hums 50 ms a letter."""

    name = "hummer"
    sample_rate = RATE

    def __init__(self) -> None:
        self.spoken: list[str] = []

    def voices(self) -> list[Voice]:
        return list(VOICES.values())

    def synthesize_sentence(self, text: str, voice: str, speed: float = 1.0, pitch: float = 0.0) -> Audio:
        self.spoken.append(text)
        hum = 0.1 * np.sin(np.arange(int(len(text) * RATE / 20 / speed)) * 0.05)
        return Audio(hum.astype(np.float32)[None], RATE)


@pytest.fixture
def hummer(monkeypatch: pytest.MonkeyPatch) -> Hummer:
    hummer = Hummer()
    monkeypatch.setattr(engine.plugins, "create", lambda *given: hummer)
    return hummer


@pytest.fixture
def executor(settings: Settings, runtime: ModelRuntime, hummer: Hummer) -> SpeechExecutor:
    return SpeechExecutor(
        WorkerContext(settings=settings, paths=Paths(settings), runtime=runtime, profiles=ProfileStore(settings))
    )


def job(kind: Kind = "stream", **asked: Any) -> Job:
    parameters = {"text": TEXT, "voice": "af_heart", "speed": 1.0, "pitch": 0.0, "format": "wav", **asked}
    unused = dict.fromkeys(Job.__dataclass_fields__)
    known: dict[str, Any] = {"job_id": new_job_id(), "kind": kind, "parameters": parameters, "attempt": 2}
    return Job(**(unused | known))  # type: ignore[arg-type]


def ignore(percent: float, stage: str) -> None:
    pass


def test_a_sentence_is_in_the_file_before_the_next_one_is_made(
    executor: SpeechExecutor, hummer: Hummer, tmp_path: Path
) -> None:
    path = tmp_path / "speech.pcm"
    found: list[int] = []

    def watch(percent: float, stage: str) -> None:
        if len(hummer.spoken) == 1 and not found:
            deadline = time.monotonic() + 10
            while path.stat().st_size < len(hummer.spoken[0]) * RATE / 20 and time.monotonic() < deadline:
                time.sleep(0.01)
            found.append(path.stat().st_size)

    executor.run(job(format="pcm"), tmp_path, watch)

    assert len(hummer.spoken) == 3
    assert found[0] >= len(hummer.spoken[0]) * RATE / 20  # half of its samples, two bytes each


def test_progress_tells_how_much_of_the_text_is_spoken(executor: SpeechExecutor, tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    executor.run(job(), tmp_path, lambda percent, stage: told.append((round(percent), stage)))
    assert told == [(percent, STAGE) for percent in (0, 33, 33, 67, 67, 100)]


@pytest.mark.parametrize("kind", ["speech", "stream"])
def test_the_result_tells_what_was_made_and_proves_where(
    executor: SpeechExecutor, settings: Settings, tmp_path: Path, kind: Kind
) -> None:
    asked = job(kind)
    result = executor.run(asked, tmp_path, ignore)

    wav, sidecar = tmp_path / "speech.wav", tmp_path / "speech.wav.provenance.json"
    sound = soundfile.info(wav)
    assert result["attempt"] == 2
    assert result["metadata"] == {
        "duration_seconds": pytest.approx(sound.duration, abs=0.002),
        "sample_rate": RATE,
        "characters": len(TEXT),
        "voice": "af_heart",
    }
    assert {name: about["mime"] for name, about in result["files"].items()} == {
        wav.name: "audio/wav",
        sidecar.name: "application/json",
    }
    assert result["files"][wav.name]["size"] == wav.stat().st_size
    proof = verify(wav, public_key(settings))
    assert (proof["job"], proof["kind"], proof["profile"]) == (asked.job_id, kind, "af_heart")
    assert asked.job_id.encode() in wav.read_bytes()
    json.dumps(result, allow_nan=False)


def test_what_was_left_out_is_told(executor: SpeechExecutor, tmp_path: Path) -> None:
    result = executor.run(job(text="Say 你好 to everyone here."), tmp_path, ignore)
    assert result["warnings"] == ["Chinese letters were left out"]


def test_a_text_that_cannot_be_read_makes_no_file(executor: SpeechExecutor, tmp_path: Path) -> None:
    with pytest.raises(InvalidParametersError, match="no letters or numbers"):
        executor.run(job(text="😀"), tmp_path, ignore)
    assert list(tmp_path.iterdir()) == []


def test_it_stops_before_the_next_sentence_when_it_is_told_to(
    executor: SpeechExecutor, hummer: Hummer, tmp_path: Path
) -> None:
    def stop(percent: float, stage: str) -> None:
        if percent:
            raise CancelledError

    with pytest.raises(CancelledError):
        executor.run(job(), tmp_path, stop)
    assert len(hummer.spoken) == 1


def test_speed_is_followed(executor: SpeechExecutor, tmp_path: Path) -> None:
    slow = executor.run(job(), tmp_path, ignore)["metadata"]["duration_seconds"]
    fast = executor.run(job(speed=2.0), tmp_path, ignore)["metadata"]["duration_seconds"]
    assert fast == pytest.approx(slow / 2, rel=0.05)
