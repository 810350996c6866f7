"""The official OpenAI client against a real service: every format, as it is made, and no longer than it is heard."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import openai
import psutil
import pytest
import requests
import soundfile

from auto_voice.accounts import Accounts
from auto_voice.audio.sandbox import find_ffmpeg
from auto_voice.audio.streaming import STREAM_TYPES
from auto_voice.jobs.job import Job
from auto_voice.provenance import public_key, verify
from auto_voice.storage.paths import Paths
from service import Service, running_service, until

SECONDS_A_SENTENCE = 0.15
"""How long the service's synthesizer takes for each."""
SENTENCE = "This is a sentence of the text that is spoken. "
LONG = SENTENCE * 12
SHORT = SENTENCE * 2


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(
        tmp_path_factory.mktemp("service"),
        {"security.api_key_required": True, "logging.level": "INFO"},
        engine_seconds=SECONDS_A_SENTENCE,
        weights=(),
    ) as running:
        accounts = Accounts(running.database)
        accounts.create_user("ann", "user")
        accounts.create_user("bob", "user")
        yield running


@pytest.fixture(scope="module")
def key(service: Service) -> str:
    return Accounts(service.database).issue_key("ann")


@pytest.fixture
def client(service: Service, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def speech(client: openai.OpenAI, text: str, format: str = "mp3", voice: Any = "alloy", **more: Any) -> Any:
    """A streamed answer, to be used in a `with`."""
    return client.audio.speech.with_streaming_response.create(
        model="tts-1",
        voice=voice,
        input=text,
        response_format=format,  # type: ignore[arg-type]
        **more,
    )


def job_of(service: Service, response: Any) -> Job:
    return service.store.get(response.headers["x-job-id"])


def heard(path: Path, format: str) -> np.ndarray:
    """The samples in a file at 24 kHz."""
    raw = ("-f", "s16le", "-ar", "24000", "-ac", "1") if format == "pcm" else ()
    command = [find_ffmpeg(), "-loglevel", "error", *raw, "-i", str(path), "-ar", "24000", "-ac", "1", "-f", "f32le"]
    return np.frombuffer(subprocess.run([*command, "pipe:1"], capture_output=True, check=True).stdout, np.float32)


def seconds_spoken(job: Job) -> float:
    assert job.result is not None
    return float(job.result["metadata"]["duration_seconds"])


def encoders(service: Service) -> list[psutil.Process]:
    return [child for pid in service.worker_pids() for child in psutil.Process(pid).children(recursive=True)]


def assert_given_up(service: Service, job_id: str) -> None:
    """The job is cancelled, and its worker has stopped working on it before its end."""
    assert service.wait_for(job_id, 20).state == "cancelled"
    until(lambda: "stream given up after" in lines_of(service, job_id), "the worker to give up", 10)
    assert service.store.get(job_id).progress < 100
    until(lambda: not encoders(service), "the end of the encoder", 10)
    folder = Paths(service.settings).job_dir(job_id)
    until(lambda: not [path for path in folder.rglob("*") if path.is_file()], "an empty folder", 10)


def lines_of(service: Service, job_id: str) -> str:
    return "\n".join(line for line in service.log.read_text().splitlines() if job_id in line)


@pytest.mark.parametrize("format", list(STREAM_TYPES))
def test_a_stream_to_a_file_is_the_whole_speech(
    service: Service, client: openai.OpenAI, tmp_path: Path, format: str
) -> None:
    path = tmp_path / f"speech.{format}"
    with speech(client, SHORT, format) as response:
        assert response.headers["content-type"] == STREAM_TYPES[format]
        response.stream_to_file(path)
        job = job_of(service, response)

    sound = heard(path, format)
    assert len(sound) / 24000 == pytest.approx(seconds_spoken(job), abs=0.15)
    assert len(sound) / 24000 == pytest.approx(0.05 * len(SHORT), abs=1.0)  # the synthesizer's pace, and pauses
    assert np.sqrt(np.mean(sound**2)) > 0.03


def test_what_is_not_streamed_is_the_same(client: openai.OpenAI, tmp_path: Path) -> None:
    answer = client.audio.speech.create(model="tts-1-hd", voice="nova", input=SHORT)
    answer.write_to_file(tmp_path / "speech.mp3")
    assert len(heard(tmp_path / "speech.mp3", "mp3")) > 24000


def test_the_first_bytes_come_before_the_text_is_spoken(service: Service, client: openai.OpenAI) -> None:
    with speech(client, LONG) as response:
        chunks = response.iter_bytes()
        next(chunks)
        begun = job_of(service, response)
        for _ in chunks:
            pass

    assert begun.state == "processing"
    assert begun.progress < 100
    assert service.store.get(begun.job_id).state == "completed"


def test_two_are_spoken_to_at_the_same_time(service: Service, client: openai.OpenAI) -> None:
    with speech(client, LONG, voice="alloy") as first, speech(client, LONG, voice="onyx") as second:
        streams = [first.iter_bytes(), second.iter_bytes()]
        begun = [next(stream) for stream in streams]
        states = [job_of(service, response).state for response in (first, second)]
        whole = [chunk + b"".join(stream) for chunk, stream in zip(begun, streams, strict=True)]
    assert states == ["processing", "processing"]
    assert whole[0] != whole[1]
    for response in (first, second):
        assert job_of(service, response).state == "completed"


def test_the_making_stops_when_the_client_goes_away(service: Service, client: openai.OpenAI) -> None:
    with speech(client, LONG) as response:
        next(response.iter_bytes())
        job_id = job_of(service, response).job_id
    assert_given_up(service, job_id)


def test_the_making_stops_when_the_client_goes_away_before_the_first_byte(service: Service, key: str) -> None:
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": LONG}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: here\r\nX-API-Key: {key}\r\nContent-Length: {len(body)}\r\n"
    before = service.store.count(kinds=["stream"])
    address = urlsplit(service.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        until(lambda: service.store.count(kinds=["stream"], states=["processing"]), "the making", 10)
    assert service.store.count(kinds=["stream"]) == before + 1
    assert_given_up(service, service.store.list("ann", kinds=["stream"], limit=1)[0].job_id)


def test_server_sent_events_carry_the_same_sound(service: Service, client: openai.OpenAI, tmp_path: Path) -> None:
    with speech(client, SHORT, "wav", stream_format="sse") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: ")]

    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["input_tokens"] == len(SHORT)
    (tmp_path / "speech.wav").write_bytes(b"".join(base64.b64decode(event["audio"]) for event in events[:-1]))
    assert len(heard(tmp_path / "speech.wav", "wav")) > 24000


@pytest.mark.parametrize("by", ["id", "object", "name"])
def test_a_cloned_voice_speaks(service: Service, client: openai.OpenAI, tmp_path: Path, by: str) -> None:
    profile = service.profile(f"Ada {by}", "ann")
    voice = {"id": profile.profile_id, "object": {"id": profile.profile_id}, "name": profile.profile_name}[by]
    with speech(client, SENTENCE, "wav", voice) as response:
        response.stream_to_file(tmp_path / "speech.wav")
        job = job_of(service, response)
    assert job.profile_id == profile.profile_id
    assert len(heard(tmp_path / "speech.wav", "wav")) > 24000


@pytest.mark.parametrize(
    ("wrong", "kind", "code"),
    [
        ({"input": "😀 🎉"}, openai.BadRequestError, "invalid_parameters"),  # found out by the worker
        ({"input": "a" * 4097}, openai.BadRequestError, "invalid_parameters"),
        ({"speed": 5}, openai.BadRequestError, "invalid_parameters"),
        ({"model": "gpt-9"}, openai.BadRequestError, "invalid_parameters"),
        ({"voice": "nobody"}, openai.NotFoundError, "profile_not_found"),
    ],
)
def test_errors_are_the_clients_exceptions(
    client: openai.OpenAI, wrong: dict[str, Any], kind: type[openai.APIStatusError], code: str
) -> None:
    usual: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    with pytest.raises(kind) as caught:
        client.audio.speech.create(**{**usual, **wrong})
    assert caught.value.body == code
    assert caught.value.response.json()["message"]


def test_another_owners_voice_is_not_found(service: Service, client: openai.OpenAI) -> None:
    bobs = service.profile("Secret", "bob")
    for voice in (bobs.profile_id, "Secret"):
        with pytest.raises(openai.NotFoundError):
            client.audio.speech.create(model="tts-1", voice=voice, input="Hello.")


def test_keys_are_the_clients_exceptions_too(service: Service) -> None:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="av_wrong_key", max_retries=0) as stranger:
        with pytest.raises(openai.PermissionDeniedError):
            stranger.models.list()
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list(extra_headers={"Authorization": openai.Omit()})


def test_strange_texts_are_spoken_or_refused(client: openai.OpenAI) -> None:
    spoken = ("<speak><break time='1s'/>Hello.</speak>", "Hello\0there.\x07", "**Hello** [there](https://example.com)!")
    for text in spoken:
        assert client.audio.speech.create(model="tts-1", voice="alloy", input=text).content
    for text in ("\0", "—…!", "你好"):
        with pytest.raises(openai.BadRequestError):
            client.audio.speech.create(model="tts-1", voice="alloy", input=text)


def test_models_and_voices_are_listed(client: openai.OpenAI) -> None:
    models = [model.id for model in client.models.list()]
    assert models[0] == "tts-1"
    assert client.models.retrieve(models[-1]).id == models[-1]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


def test_a_text_is_answered_in_json(service: Service, key: str, tmp_path: Path) -> None:
    url, headers = f"{service.url}/api/v1/synthesize", {"X-API-Key": key}
    text = f"Say 你好 to her. {SENTENCE}"
    body = {"text": text, "voice": "af_heart", "voice_config": {"speed": 2, "temperature": 0.5}}
    answer = requests.post(url, json=body, headers=headers, timeout=60).json()

    (tmp_path / "speech.wav").write_bytes(base64.b64decode(answer.pop("audio")))
    sound = soundfile.info(tmp_path / "speech.wav")
    assert answer == {
        "status": "success",
        "format": "wav",
        "sample_rate": sound.samplerate,
        "duration": pytest.approx(sound.duration, abs=0.002),
        "metadata": {
            "text_length": len(text),
            "speaker_id": "af_heart",
            "voice_config": {"speed": 2.0, "pitch": 0.0, "temperature": None},
            "warnings": ["Chinese letters were left out"],
        },
    }
    empty = requests.post(url, json={"text": " "}, headers=headers, timeout=60)
    assert (empty.status_code, empty.json()["code"]) == (400, "invalid_parameters")


def test_a_long_text_is_spoken_by_a_job(service: Service, key: str, tmp_path: Path) -> None:
    headers = {"X-API-Key": key}
    body = {"text": SHORT, "voice": "bm_fable", "format": "flac"}
    accepted = requests.post(f"{service.url}/api/v1/speech/jobs", json=body, headers=headers, timeout=60)
    assert accepted.status_code == 202
    job = service.wait_for(accepted.json()["conversion_id"])
    status = requests.get(f"{service.url}{accepted.json()['status_url']}", headers=headers, timeout=60).json()

    assert status["status"] == "completed"
    for file in status["result"]["files"]:
        fetched = requests.get(f"{service.url}{file['url']}", headers=headers, timeout=60)
        (tmp_path / file["name"]).write_bytes(fetched.content)
    assert soundfile.info(tmp_path / "speech.flac").duration == pytest.approx(seconds_spoken(job), abs=0.002)
    assert verify(tmp_path / "speech.flac", public_key(service.settings))["job"] == job.job_id


def read_until_it_breaks(service: Service, key: str, text: str, victims: Callable[[], list[int]]) -> str:
    """Listen to a text, have these processes killed once something was heard, and listen on; returns the job's id."""
    body = {"model": "tts-1", "voice": "alloy", "input": text}
    url, headers = f"{service.url}/v1/audio/speech", {"X-API-Key": key}
    with requests.post(url, json=body, headers=headers, stream=True, timeout=60) as answer:
        chunks = answer.iter_content(None)
        assert next(chunks)
        for pid in victims():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(chunks)
        return str(answer.headers["X-Job-ID"])


def test_a_stream_whose_worker_dies_breaks_off(service: Service, key: str) -> None:
    job_id = read_until_it_breaks(service, key, LONG, service.worker_pids)
    assert service.wait_for(job_id, 20).state == "cancelled"
    service.wait_until_ready()


def test_the_making_stops_when_the_web_process_dies(service: Service, key: str) -> None:
    text = SENTENCE * 80  # longer than a listener that is not heard of is waited for
    assert_given_up(service, read_until_it_breaks(service, key, text, service.web_pids))
