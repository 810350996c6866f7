"""Errors that nobody expected, and those whose text is not for everybody."""

from __future__ import annotations

from pathlib import Path

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
