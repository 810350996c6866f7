"""Errors that nobody expected, and those whose text is not for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auto_voice.errors import AutoVoiceError, ModelLoadError, StorageError
from web_house import WebHouse


@pytest.mark.parametrize("debug", ["false", "true"])
def test_a_bug_is_told_without_detail_except_to_developers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, debug: str
) -> None:
    house = WebHouse(tmp_path / "house", server__debug=debug)

    def buggy(*given: object, **more: object) -> None:
        raise ValueError("a secret inside")

    monkeypatch.setattr(house.services.jobs, "count", buggy)
    answer = house.client.get("/api/v1/convert/jobs")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert answer.content_type == "application/json"
    assert ("a secret inside" in answer.text) == ("Traceback" in answer.text) == (debug == "true")


@pytest.mark.parametrize(
    ("error", "answered"),
    [
        (StorageError("cannot write /secret/place/x: No space left", suggestions=["Free some space."]), 503),
        (ModelLoadError("/secret/place/model.onnx cannot be loaded", suggestions=["Free some space."]), 500),
    ],
)
def test_folders_are_named_in_the_log_alone(
    house: WebHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: AutoVoiceError,
    answered: int,
) -> None:
    def failing(*given: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(house.services.jobs, "count", failing)
    answer = house.client.get("/api/v1/convert/jobs")

    assert answer.status_code == answered
    assert "/secret/place" not in answer.text
    assert answer.json["details"]["suggestions"] == ["Free some space."]
    assert "/secret/place" in caplog.text


NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        (f"/api/v1/voice/profiles/{NOWHERE}", "GET /api/v1/voice/profiles"),
        ("/api/v1/voice/profiles/no-id", "GET /api/v1/voice/profiles"),
        (f"/api/v1/convert/status/conv-{NOWHERE}", "GET /api/v1/convert/jobs"),
        ("/api/v1/nothing", "/docs"),
        ("/api/v1/convert/song", "/docs"),
        ("/api/v1/convert/jobs?limit=many", "/docs"),
    ],
)
def test_what_cannot_be_answered_says_what_to_ask_for_instead(house: WebHouse, path: str, advice: str) -> None:
    """By routes, not by commands: whoever asks over HTTP need not have our command line."""
    answer = house.client.get(path)
    assert answer.status_code in (400, 404, 405)
    (suggestion,) = answer.json["details"]["suggestions"]
    assert advice in suggestion
    assert "autovoice" not in answer.text


@pytest.mark.parametrize("sent", [{"data": '{"text": "Good'}, {"data": '{"text": "Good"}'}, {"json": ["Good"]}])
def test_a_body_that_is_no_object_is_told_how_to_be_one(house: WebHouse, sent: dict[str, Any]) -> None:
    answer = house.client.post("/api/v1/speech/jobs", **sent)
    assert (answer.status_code, answer.json["message"]) == (400, "The body is to be a JSON object.")
    assert "application/json" in answer.json["details"]["suggestions"][0]


@pytest.mark.parametrize("path", ["/api/v1/voice/profiles", "/api/v1/convert/jobs"])
def test_a_list_of_somebody_elses_speaks_of_the_user(tmp_path: Path, path: str) -> None:
    house = WebHouse(tmp_path / "house", security__api_key_required="true")
    answer = house.client.get(f"{path}?user_id=eve", headers=house.key("ada"))
    assert (answer.status_code, answer.json["message"]) == (404, "There is no such user here.")
    assert "`user_id`" in answer.json["details"]["suggestions"][0]
