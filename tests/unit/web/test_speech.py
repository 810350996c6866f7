"""The speech routes: who speaks for whom, and what is refused at the door. Real streams: tests/integration."""

from __future__ import annotations

from typing import Any

import pytest

from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.profiles import VoiceProfile
from auto_voice.web.voices import OPENAI_VOICES
from simple_engines import make_profile
from web_house import WebHouse

STOCK = ("af_heart", "af_alloy", "am_adam", "bf_emma")
SPEECH: dict[str, Any] = {"model": "tts-1", "voice": "af_heart", "input": "Hello there."}
SYNTHESIS: dict[str, Any] = {"text": "Hello there."}
JOB: dict[str, Any] = {"text": "Hello there."}
ROUTES = {"/v1/audio/speech": SPEECH, "/api/v1/synthesize": SYNTHESIS, "/api/v1/speech/jobs": JOB}


def employ(house: WebHouse) -> None:
    """Let a worker say hello: nothing is asked of it in these tests but its voices."""
    voices = [{"name": name, "language": "en-US", "gender": "female"} for name in STOCK]
    WorkerRegistry(house.services.database).hello("worker", state="ready", details={"voices": voices})


@pytest.fixture
def house(house: WebHouse) -> WebHouse:
    employ(house)
    return house


@pytest.fixture
def locked_house(locked_house: WebHouse) -> WebHouse:
    employ(locked_house)
    return locked_house


def handed_in(house: WebHouse, headers: dict[str, str] | None = None, **asked: Any) -> Any:
    return house.client.post("/api/v1/speech/jobs", json={**JOB, **asked}, headers=headers)


def spoken_by(house: WebHouse, voice: str, headers: dict[str, str] | None = None) -> tuple[str, str | None]:
    """Whom the worker is asked for when that voice is asked for, and whose use is counted."""
    answer = handed_in(house, headers, voice=voice)
    assert answer.status_code == 202, answer.json
    job = house.services.jobs.get(answer.json["conversion_id"])
    return job.parameters["voice"], job.profile_id


# Voices


@pytest.mark.parametrize(
    ("asked", "speaks"),
    [
        ("af_heart", "af_heart"),
        ("alloy", "af_alloy"),
        ("af_heart+am_adam", "af_heart+am_adam"),
        (" af_heart + alloy ", "af_heart+af_alloy"),
    ],
)
def test_stock_voices_speak_under_their_names_and_openais(house: WebHouse, asked: str, speaks: str) -> None:
    assert spoken_by(house, asked) == (speaks, None)


def test_a_cloned_voice_speaks_by_id_and_name(house: WebHouse) -> None:
    assert spoken_by(house, house.voice) == (house.voice, house.voice)
    assert spoken_by(house, "ada") == (house.voice, house.voice)


def test_the_configured_voice_speaks_where_none_is_named(house: WebHouse) -> None:
    job = house.services.jobs.get(handed_in(house).json["conversion_id"])
    assert job.parameters == {"text": "Hello there.", "voice": "af_heart", "speed": 1.0, "pitch": 0.0, "format": "mp3"}


@pytest.mark.parametrize("route", ROUTES)
def test_an_unknown_voice_is_404(house: WebHouse, route: str) -> None:
    for voice in ("af_hart", "nobody", "../../etc/passwd", "af_heart+", "+", "\0", "b" * 36):
        answer = house.client.post(route, json={**ROUTES[route], "voice": voice})
        assert (answer.status_code, answer.json["code"]) == (404, "profile_not_found"), voice


def test_a_mistyped_voice_is_told_its_neighbours(house: WebHouse) -> None:
    answer = handed_in(house, voice="af_hart")
    assert "Did you mean 'af_heart'?" in answer.json["details"]["suggestions"]


def test_a_name_that_means_two_voices_is_refused(house: WebHouse) -> None:
    make_profile(house.settings)
    answer = handed_in(house, voice="Ada")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameters")


@pytest.fixture
def bobs(locked_house: WebHouse) -> VoiceProfile:
    return make_profile(locked_house.settings, "Bobs own", "bob")


def test_another_owners_voice_does_not_exist(locked_house: WebHouse, bobs: VoiceProfile) -> None:
    ann, bob, admin = (
        locked_house.key(name, role) for name, role in (("ann", "user"), ("bob", "user"), ("eve", "admin"))
    )
    for route, body in ROUTES.items():
        for voice in (bobs.profile_id, bobs.profile_id[:8], "Bobs own"):
            answer = locked_house.client.post(route, json={**body, "voice": voice}, headers=ann)
            assert answer.status_code == 404
            assert "Bobs" not in answer.text
    for headers in (bob, admin):
        assert spoken_by(locked_house, "bobs own", headers)[0] == bobs.profile_id


def test_the_list_has_stock_voices_and_ones_own(locked_house: WebHouse, bobs: VoiceProfile) -> None:
    ann, bob = locked_house.key("ann"), locked_house.key("bob")
    for headers, cloned in ((ann, []), (bob, ["Bobs own"])):
        listed = locked_house.client.get("/v1/audio/voices", headers=headers).json
        assert [each["id"] for each in listed["voices"] if each["type"] == "stock"] == list(STOCK)
        assert [each["name"] for each in listed["voices"] if each["type"] == "cloned"] == cloned
        assert listed["aliases"] == {"alloy": "af_alloy", "marin": "af_heart"}


def test_every_voice_of_openai_has_a_stock_voice() -> None:
    from auto_voice.inference.speech.voices import VOICES

    assert set(OPENAI_VOICES.values()) <= set(VOICES)
    assert len(set(OPENAI_VOICES.values())) == len(OPENAI_VOICES) == 13


@pytest.mark.parametrize("route", ROUTES)
def test_without_a_worker_it_says_so(house: WebHouse, route: str) -> None:
    WorkerRegistry(house.services.database).gone("worker")
    answer = house.client.post(route, json=ROUTES[route])
    assert (answer.status_code, answer.json["code"]) == (503, "service_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


# What is refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": ""},
        {"input": "a" * 4097},
        {"input": None},
        {"input": 5},
        {"input": ["Hello"]},
        {"input": "\ud800"},
        {"model": "gpt-9"},
        {"model": ""},
        {"model": 1},
        {"voice": 7},
        {"voice": ""},
        {"voice": {"id": 3}},
        {"response_format": "midi"},
        {"response_format": "MP3 "},
        {"response_format": None},
        {"speed": 0.2},
        {"speed": 4.01},
        {"speed": float("nan")},
        {"speed": float("inf")},
        {"speed": 1e400},
        {"speed": True},
        {"speed": "1"},
        {"stream_format": "websocket"},
        {"instructions": 3},
    ],
    ids=str,
)
def test_a_wrong_speech_request_is_400(house: WebHouse, wrong: dict[str, Any]) -> None:
    answer = house.client.post("/v1/audio/speech", json={**SPEECH, **wrong})
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameters")
    assert house.services.jobs.count() == 0


@pytest.mark.parametrize("missing", ["input", "model", "voice"])
def test_what_must_be_there_is_asked_for(house: WebHouse, missing: str) -> None:
    answer = house.client.post("/v1/audio/speech", json={name: SPEECH[name] for name in SPEECH if name != missing})
    assert (answer.status_code, answer.json["code"]) == (400, "missing_required_field")
    assert missing in answer.json["message"]


@pytest.mark.parametrize("voice", [{}, {"name": "af_heart"}], ids=str)
def test_a_voice_object_has_an_id(house: WebHouse, voice: dict[str, str]) -> None:
    answer = house.client.post("/v1/audio/speech", json={**SPEECH, "voice": voice})
    assert (answer.status_code, answer.json["code"]) == (400, "missing_required_field")


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"text": "a" * 5001},
        {"text": 3},
        {"voice_config": {"speed": 9}},
        {"voice_config": {"pitch": -13}},
        {"voice_config": {"temperature": "hot"}},
        {"voice_config": "fast"},
        {"speaker_id": 5},
    ],
    ids=str,
)
def test_a_wrong_synthesis_request_is_400(house: WebHouse, wrong: dict[str, Any]) -> None:
    assert house.client.post("/api/v1/synthesize", json={**SYNTHESIS, **wrong}).status_code == 400
    assert house.services.jobs.count() == 0


@pytest.mark.parametrize(
    "wrong",
    [{"text": ""}, {"text": "a" * 100_001}, {"speed": 0}, {"pitch": 12.5}, {"format": "exe"}, {"user_id": "x" * 101}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_job_is_400(house: WebHouse, wrong: dict[str, Any]) -> None:
    assert handed_in(house, **wrong).status_code == 400
    assert house.services.jobs.count() == 0


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_no_json_object_is_400(house: WebHouse, route: str) -> None:
    for body in (b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000):
        answer = house.client.post(route, data=body, content_type="application/json")
        assert answer.status_code == 400, body[:9]


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_larger_than_any_text_is_not_read(house: WebHouse, route: str) -> None:
    answer = house.client.post(route, json={**ROUTES[route], "instructions": "a" * (2 << 20)})
    assert (answer.status_code, answer.json["code"]) == (413, "file_too_large")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tts-1", "/v1/audio/voices"])
def test_lists_want_a_key_too(locked_house: WebHouse, path: str) -> None:
    assert locked_house.client.get(path).status_code == 401


# Jobs


def test_a_long_text_becomes_a_job_like_any_other(house: WebHouse) -> None:
    text = "It was a dark night. " * 1000
    answer = handed_in(house, text=text, voice="bf_emma", speed=2, pitch=-1.5, format="opus")

    assert answer.status_code == 202
    status = house.client.get(answer.json["status_url"]).json
    assert (status["kind"], status["status"]) == ("speech", "queued")
    job = house.services.jobs.get(answer.json["conversion_id"])
    assert job.lane == "batch"
    assert job.parameters == {"text": text, "voice": "bf_emma", "speed": 2.0, "pitch": -1.5, "format": "opus"}
    assert job.work_seconds == pytest.approx(len(text) / 30)
    assert house.client.post(f"/api/v1/convert/cancel/{job.job_id}").status_code == 200


def test_the_same_text_with_the_same_key_is_one_job(house: WebHouse) -> None:
    key = {"Idempotency-Key": "once"}
    first, again, other = (handed_in(house, key, text=text) for text in ("Hello.", "Hello.", "Goodbye."))
    assert first.json["conversion_id"] == again.json["conversion_id"]
    assert other.status_code == 409


def test_a_job_is_its_owners(locked_house: WebHouse) -> None:
    ann, bob = locked_house.key("ann"), locked_house.key("bob")
    status_url = handed_in(locked_house, ann).json["status_url"]
    assert locked_house.client.get(status_url, headers=ann).status_code == 200
    assert locked_house.client.get(status_url, headers=bob).status_code == 404
    assert handed_in(locked_house, bob, user_id="ann").status_code == 404


# Models


def test_models_are_listed_one_by_one_too(house: WebHouse) -> None:
    listed = house.client.get("/v1/models").json
    assert listed["object"] == "list"
    assert [each["id"] for each in listed["data"]][-1] == house.settings.tts.engine
    for each in listed["data"]:
        assert house.client.get(f"/v1/models/{each['id']}").json == each
    assert house.client.get("/v1/models/gpt-9").status_code == 404
