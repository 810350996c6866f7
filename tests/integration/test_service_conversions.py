"""Songs through a real service: handed in, watched, fetched, stopped; its two web processes share everything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests

from auto_voice.audio import decode
from service import Service, running_service, until
from simple_engines import song, wav

SECONDS = 3.0
SONG = wav(song(SECONDS))
POLLS = 100


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), {"server.workers": 2}, engine_seconds=0.2) as service:
        yield service


@pytest.fixture(scope="module")
def voice(service: Service) -> str:
    return service.profile().profile_id


def hand_in(service: Service, voice: str, **fields: str) -> dict[str, Any]:
    answer = requests.post(
        f"{service.url}/api/v1/convert/song",
        files={"song": ("song.wav", SONG)},
        data={"target_profile_id": voice, **fields},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def status(service: Service, told: dict[str, Any]) -> dict[str, Any]:
    return dict(requests.get(service.url + told["status_url"], timeout=30).json())


@pytest.fixture(scope="module")
def done(service: Service, voice: str) -> dict[str, Any]:
    """The status of a conversion that is completed."""
    told = hand_in(service, voice, return_stems="true", use_cache="false")
    service.wait_for(told["conversion_id"])
    return status(service, told)


def test_a_song_comes_back_in_another_voice(service: Service, done: dict[str, Any]) -> None:
    assert (done["status"], done["progress"]) == ("completed", 100)
    converted = decode(requests.get(service.url + done["result"]["converted_audio_url"], timeout=30).content)
    vocals = decode(requests.get(service.url + done["result"]["stems"]["vocals_url"], timeout=30).content)
    assert converted.duration == pytest.approx(SECONDS)
    # The tests' converter turns the polarity of what is sung.
    sung = song(SECONDS).samples.mean(axis=0)
    assert np.corrcoef(vocals.samples.mean(axis=0), sung)[0, 1] < -0.99
    assert done["result"]["metadata"]["original_duration_seconds"] == pytest.approx(SECONDS)
    assert sum(done["result"]["stage_seconds"].values()) <= done["processing_time_seconds"]


def test_every_file_is_what_the_result_says(service: Service, done: dict[str, Any]) -> None:
    for file in done["result"]["files"]:
        answer = requests.get(service.url + file["url"], timeout=30)
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert len(answer.content) == file["size"]
        assert answer.headers["Content-Type"].partition(";")[0] == file["mime"]


def test_parts_make_the_whole(service: Service, done: dict[str, Any]) -> None:
    url = service.url + done["result"]["converted_audio_url"]
    whole = requests.get(url, timeout=30)
    size, step = len(whole.content), 100_001
    parts = [
        requests.get(url, headers={"Range": f"bytes={start}-{start + step - 1}"}, timeout=30)
        for start in range(0, size, step)
    ]
    assert {part.status_code for part in parts} == {206}
    assert b"".join(part.content for part in parts) == whole.content
    assert requests.get(url, headers={"If-None-Match": whole.headers["ETag"]}, timeout=30).status_code == 304


def test_a_hundred_may_ask_at_once(service: Service, voice: str) -> None:
    told = hand_in(service, voice)
    with ThreadPoolExecutor(POLLS) as pool:
        answers = list(pool.map(lambda _: requests.get(service.url + told["status_url"], timeout=30), range(POLLS)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["conversion_id"] for answer in answers} == {told["conversion_id"]}
    service.wait_for(told["conversion_id"])


def test_progress_only_rises(service: Service, voice: str) -> None:
    told = hand_in(service, voice, vocal_volume="0.7", use_cache="false")
    seen: list[dict[str, Any]] = []
    until(lambda: seen.append(status(service, told)) or seen[-1]["status"] == "completed", "the end")
    assert [each["progress"] for each in seen] == sorted(each["progress"] for each in seen)
    assert {each["status"] for each in seen} <= {"queued", "processing", "completed"}


def test_a_job_is_stopped_and_the_next_one_begins(service: Service, voice: str) -> None:
    first, second = hand_in(service, voice, use_cache="false"), hand_in(service, voice, use_cache="false")
    until(lambda: status(service, first)["status"] == "processing", "the beginning")
    cancel = f"{service.url}/api/v1/convert/cancel/{first['conversion_id']}"
    assert requests.post(cancel, timeout=30).json()["status"] == "cancelled"
    until(lambda: status(service, second)["status"] != "queued", "the next one's beginning", 2.0)
    assert requests.post(cancel, timeout=30).status_code == 409
    assert service.wait_for(second["conversion_id"]).state == "completed"


def test_the_queue_is_empty_in_the_end(service: Service, done: dict[str, Any]) -> None:
    queue = requests.get(f"{service.url}/api/v1/queue/status", timeout=30).json()
    assert (queue["depth"], queue["running"], queue["workers"]) == (0, 0, 1)
