"""A voice through a real service: learnt over HTTP, listed, handed over, deleted, taken in again and heard."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
import soundfile

from auto_voice.audio import decode
from auto_voice.profiles import VoiceProfile
from service import Service, running_service
from vowels import sung_vowel

pytestmark = [pytest.mark.models, pytest.mark.real_audio]

RATE = 16_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def speech(real_data: Path) -> bytes:
    """36 seconds of somebody reading, as FLAC."""
    utterances = sorted((real_data / "speech" / "librispeech-test-other" / "2609").glob("*.flac"))
    samples = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in utterances])[: 36 * RATE]
    return flac(samples)


def flac(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="FLAC")
    return buffer.getvalue()


def test_the_life_of_a_voice(service: Service, speech: bytes) -> None:
    voices = f"{service.url}/api/v1/voice"
    form = {"user_id": "ada", "profile_name": "Ada", "consent": "true"}
    key = {"Idempotency-Key": "the-life-of-a-voice"}
    made, again = (
        requests.post(f"{voices}/clone", files={"audio": speech}, data=form, headers=key, timeout=120) for _ in range(2)
    )
    assert made.status_code == 201, made.text
    assert again.json() == made.json()
    profile = VoiceProfile.model_validate(made.json())
    assert profile.audio_info.format == "flac"
    assert profile.consent is not None

    listed = requests.get(f"{voices}/profiles?user_id=ada", timeout=20).json()
    assert [each["profile_id"] for each in listed["profiles"]] == [profile.profile_id]

    archive = requests.get(f"{voices}/profiles/{profile.profile_id}/export", timeout=20)
    assert archive.headers["Content-Type"] == "application/zip"
    gone = requests.delete(f"{voices}/profiles/{profile.profile_id}", timeout=20)
    assert gone.json()["profile_id"] == profile.profile_id
    assert requests.get(f"{voices}/profiles/{profile.profile_id}", timeout=20).status_code == 404

    back = requests.post(
        f"{voices}/profiles/import", files={"archive": archive.content}, data={"user_id": "ada"}, timeout=60
    )
    assert back.status_code == 201, back.text
    assert back.json()["vocal_range"] == made.json()["vocal_range"]

    preview = f"{voices}/profiles/{back.json()['profile_id']}/preview"
    for format in ("mp3", "wav"):
        heard = requests.get(preview, params={"format": format}, timeout=120)
        assert heard.status_code == 200, heard.text
        assert decode(heard.content).duration > 1.0
        etag = {"If-None-Match": heard.headers["ETag"]}
        assert requests.get(preview, params={"format": format}, headers=etag, timeout=20).status_code == 304
    assert sorted(service.settings.storage.temp_dir.iterdir()) == []


def test_the_workers_refusals_have_their_own_status(service: Service, speech: bytes) -> None:
    clone = f"{service.url}/api/v1/voice/clone"
    short = requests.post(clone, files={"audio": flac(sung_vowel("a", 200, 3.0))}, timeout=60)
    assert (short.status_code, short.json()["code"]) == (400, "audio_too_short")
    assert short.json()["details"]["suggestions"]
    noise = (0.1 * np.random.default_rng(0).standard_normal(40 * RATE)).astype(np.float32)
    noisy = requests.post(clone, files={"audio": flac(noise)}, timeout=60)
    assert (noisy.status_code, noisy.json()["code"]) == (422, "low_quality_audio")


def test_a_recording_is_heard(service: Service, speech: bytes) -> None:
    answer = requests.post(f"{service.url}/api/v1/process_audio", files={"audio": speech}, timeout=60)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["metadata"]["duration_seconds"] == pytest.approx(36.0)
    assert told["features"]["vad"]["speech_ratio"] > 0.5
    assert 80 < told["features"]["pitch"]["statistics"]["median_hz"] < 300


def test_a_worker_that_dies_over_a_voice_makes_one_in_the_end(service: Service, speech: bytes) -> None:
    order = service.order_death("content", "end")
    answer = requests.post(
        f"{service.url}/api/v1/voice/clone", files={"audio": speech}, data={"user_id": "bob"}, timeout=120
    )
    assert not order.exists()
    assert answer.status_code == 201, answer.text
    listed = requests.get(f"{service.url}/api/v1/voice/profiles?user_id=bob", timeout=20).json()["profiles"]
    assert [each["profile_id"] for each in listed] == [answer.json()["profile_id"]]
