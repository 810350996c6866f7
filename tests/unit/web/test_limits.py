"""Rate limits: who is counted for what, and what is told to those who ask too often."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from auto_voice.config import load_settings
from auto_voice.errors import ConfigurationError
from auto_voice.web import limits
from web_house import WebHouse

JOBS, VOICES, SONG = "/api/v1/convert/jobs", "/api/v1/voice/profiles", "/api/v1/convert/song"
UNCOUNTED = ("/health", "/ready", "/metrics", "/", "/docs", "/openapi.json", "/static/page.js")


def strict_house(folder: Path, **more: str) -> WebHouse:
    return WebHouse(
        folder / "house",
        security__rate_limiting_enabled="true",
        limits__requests_per_hour="5",
        limits__conversions_per_hour="2",
        **more,
    )


def test_all_requests_of_a_client_count_together(tmp_path: Path) -> None:
    client = strict_house(tmp_path).client
    assert [client.get(path).status_code for path in (JOBS, VOICES) * 3] == [200] * 5 + [429]


def test_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    client = strict_house(tmp_path).client
    answer = [client.get(JOBS) for _ in range(6)][-1]
    assert (answer.status_code, answer.json["code"], answer.json["error"]) == (429, "rate_limited", "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 3601
    assert answer.json["details"]["suggestions"]


def test_costly_requests_have_a_limit_of_their_own_and_count_among_all(tmp_path: Path) -> None:
    house = strict_house(tmp_path)
    assert [house.convert().status_code for _ in range(3)] == [202, 202, 429]
    assert [house.client.get(JOBS).status_code for _ in range(3)] == [200, 200, 429]


def test_health_pages_status_and_downloads_are_never_counted(tmp_path: Path) -> None:
    house = strict_house(tmp_path)
    job = house.completed()
    paths = [*UNCOUNTED, f"/api/v1/convert/status/{job.job_id}", f"/api/v1/convert/download/{job.job_id}/converted.wav"]
    for _ in range(4):
        assert {path: house.client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
    for _ in range(8):
        assert house.client.post("/api/v1/ws/ticket", json={"conversion_id": job.job_id}).status_code == 200
    assert house.client.get(JOBS).status_code == 200


def test_each_key_is_counted_by_itself_wherever_it_comes_from(tmp_path: Path) -> None:
    house = strict_house(tmp_path, security__api_key_required="true")
    ada, bob = house.key("ada"), house.key("bob")
    statuses = [
        house.client.get(JOBS, headers=ada, environ_base={"REMOTE_ADDR": f"10.0.0.{number}"}).status_code
        for number in range(6)
    ]
    assert statuses == [200] * 5 + [429]
    assert house.client.get(JOBS, headers=bob).status_code == 200


def test_without_keys_an_address_is_counted_and_only_a_trusted_proxy_may_name_it(tmp_path: Path) -> None:
    direct, behind = strict_house(tmp_path / "a"), strict_house(tmp_path / "b", server__trusted_proxies="1")
    for house, expected in ((direct, 429), (behind, 200)):
        statuses = [
            house.client.get(JOBS, headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
            for number in range(6)
        ]
        assert statuses[-1] == expected
    spoofed = [
        behind.client.get(JOBS, headers={"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.1"}).status_code
        for number in range(6)
    ]
    assert spoofed[-1] == 429, "what a client writes before its proxy's entry is not believed"


def test_switched_off_nothing_is_counted(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", limits__requests_per_hour="1")
    assert [house.client.get(JOBS).status_code for _ in range(5)] == [200] * 5


def test_a_redis_that_is_away_is_replaced_by_memory(tmp_path: Path) -> None:
    house = strict_house(tmp_path, security__rate_limit_storage="redis://127.0.0.1:1/0")
    assert [house.client.get(JOBS).status_code for _ in range(6)] == [200] * 5 + [429]


def test_a_storage_without_its_client_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    settings = load_settings(
        environment={
            "AUTOVOICE__STORAGE__DATA_DIR": str(tmp_path),
            "AUTOVOICE__SECURITY__RATE_LIMIT_STORAGE": "redis://127.0.0.1:1/0",
        }
    )
    with pytest.raises(ConfigurationError, match="rate_limit_storage") as refused:
        limits.init_app(Flask("app"), settings)
    assert "redis://" in refused.value.suggestions[0]
