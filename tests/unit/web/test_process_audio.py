"""A recording's features over HTTP: by form or by JSON, and nothing that was not heard."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from werkzeug.test import TestResponse

from auto_voice.audio import Audio
from auto_voice.jobs.job import Job
from auto_voice.web.models.voice import ProcessedAudio
from line_worker import line_worker
from simple_engines import wav
from web_house import SONG, WebHouse

PATH = "/api/v1/process_audio"
HEARD = {
    "metadata": {
        "duration_seconds": 1.5,
        "sample_rate": 16000,
        "channels": 2,
        "format": "wav",
        "file_size_bytes": len(SONG),
        "denoising": None,
    },
    "features": {
        "vad": {
            "model": "silero-vad",
            "resolution_seconds": 0.032,
            "segments": [{"start_seconds": 0.1, "end_seconds": 0.5, "probability": 0.9}],
            "speech_seconds": 0.4,
            "speech_ratio": 0.2667,
        },
        "pitch": None,
    },
}


def heard(house: WebHouse, job: Job) -> dict[str, Any]:
    """What a worker makes of a recording."""
    folder = house.services.paths.attempt_dir(job.job_id, job.attempt)
    folder.mkdir(parents=True)
    (folder / "analysis.json").write_text(json.dumps(HEARD))
    return {"attempt": job.attempt, "files": {"analysis.json": {"size": 1, "sha256": "", "mime": "application/json"}}}


def by_form(house: WebHouse, content: bytes = SONG, **fields: str) -> TestResponse:
    return house.client.post(PATH, data={"audio": (io.BytesIO(content), "a.wav"), **fields})


def by_json(house: WebHouse, content: bytes | str = SONG, **fields: Any) -> TestResponse:
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    return house.client.post(PATH, json={"audio_data": text, **fields})


@pytest.mark.parametrize("send", [by_form, by_json])
def test_both_ways_give_the_features(house: WebHouse, send: Any) -> None:
    with line_worker(house, lambda job: heard(house, job)) as taken:
        answer = send(house)
    assert answer.status_code == 200, answer.json
    ProcessedAudio.model_validate(answer.json)
    assert answer.json == {"status": "success", **HEARD}
    (job,) = taken
    assert job.parameters == {"enable_vad": True, "enable_denoising": False, "enable_pitch_extraction": True}
    assert house.services.paths.job_input(job.job_id).read_bytes() == SONG


def test_what_is_asked_for_arrives(house: WebHouse) -> None:
    wanted = {"enable_vad": False, "enable_denoising": True, "enable_pitch_extraction": False}
    with line_worker(house, lambda job: heard(house, job)) as taken:
        by_form(house, processing_config=json.dumps(wanted))
        by_json(house, processing_config=wanted)
        by_json(house, "data:audio/wav;base64," + base64.b64encode(SONG).decode())
    assert [job.parameters for job in taken[:2]] == [wanted, wanted]
    assert len(taken) == 3


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda house: house.client.post(PATH), "missing_required_field"),
        (lambda house: house.client.post(PATH, data={"audio": "text"}), "missing_required_field"),
        (lambda house: house.client.post(PATH, json={}), "missing_required_field"),
        (lambda house: house.client.post(PATH, json=[]), "invalid_parameters"),
        (lambda house: house.client.post(PATH, data=b"{", content_type="application/json"), "invalid_parameters"),
        (
            lambda house: house.client.post(PATH, data=b"\xff\xfe", content_type="application/json"),
            "invalid_parameters",
        ),
        (
            lambda house: house.client.post(PATH, data=b"[" * 9000, content_type="application/json"),
            "invalid_parameters",
        ),
        (lambda house: by_form(house, processing_config="no JSON"), "invalid_parameters"),
        (lambda house: by_form(house, processing_config='{"enable_everything": true}'), "invalid_parameters"),
        (lambda house: by_json(house, processing_config={"enable_vad": "perhaps"}), "invalid_parameters"),
        (lambda house: by_json(house, "no base64!"), "invalid_audio"),
        (lambda house: by_json(house, ""), "invalid_audio"),
        (lambda house: by_json(house, "ä" * 100), "invalid_audio"),
        (lambda house: by_form(house, b"no audio"), "invalid_audio"),
    ],
)
def test_what_cannot_be_is_refused(house: WebHouse, ask: Any, code: str) -> None:
    with line_worker(house, lambda job: heard(house, job)) as taken:
        answer = ask(house)
    assert (answer.status_code, answer.json["code"]) == (400, code), answer.json
    assert taken == []
    assert house.files() == set()


def test_a_click_is_too_short(house: WebHouse) -> None:
    click = wav(Audio(np.ones((1, 9), np.float32), 16000))
    with line_worker(house, lambda job: heard(house, job)) as taken:
        answer = by_form(house, click)
    assert (answer.status_code, answer.json["code"]) == (400, "audio_too_short")
    assert taken == []


def test_without_a_worker(house: WebHouse) -> None:
    answer = by_form(house)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
