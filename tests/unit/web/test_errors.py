"""Errors that nobody expected."""

from __future__ import annotations

from pathlib import Path

import pytest

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
