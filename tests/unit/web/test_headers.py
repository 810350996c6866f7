"""What browsers are told, and which pages may call us."""

from __future__ import annotations

from pathlib import Path

import pytest

from web_house import WebHouse

JOBS, TICKET = "/api/v1/convert/jobs", "/api/v1/ws/ticket"
STUDIO = "https://studio.example"


@pytest.mark.parametrize("path", ["/", "/docs", "/health", JOBS, "/nothing", "/static/page.js"])
def test_every_answer_is_guarded(house: WebHouse, path: str) -> None:
    headers = house.client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy


def test_answers_of_the_api_are_not_kept_by_caches_and_static_files_are(house: WebHouse) -> None:
    assert house.client.get(JOBS).headers["Cache-Control"] == "no-store"
    assert house.client.get("/nothing").headers["Cache-Control"] == "no-store"
    assert "max-age" in house.client.get("/static/page.js").headers["Cache-Control"]


def test_without_allowed_origins_no_foreign_page_may_read(house: WebHouse) -> None:
    answer = house.client.get(JOBS, headers={"Origin": STUDIO})
    assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118


def test_an_allowed_origin_may_read_answers_and_send_keys(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", security__allowed_origins=f'["{STUDIO}"]', security__api_key_required="true")
    preflight = house.client.options(
        JOBS,
        headers={
            "Origin": STUDIO,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "X-API-Key, Idempotency-Key",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == STUDIO
    assert {"x-api-key", "idempotency-key"} <= set(
        preflight.headers["Access-Control-Allow-Headers"].lower().split(", ")
    )
    answer = house.client.get(JOBS, headers={"Origin": STUDIO, **house.key("ada")})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == STUDIO
    assert {"Retry-After", "X-Request-ID"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://studio.example.evil.example", "https://evil.example", "http://studio.example", "null"]
)
def test_similar_origins_are_not_allowed_ones(tmp_path: Path, origin: str) -> None:
    house = WebHouse(tmp_path / "house", security__allowed_origins=f'["{STUDIO}", "https://*.example.org"]')
    assert "Access-Control-Allow-Origin" not in house.client.get(JOBS, headers={"Origin": origin}).headers
    assert house.client.post(TICKET, json={}, headers={"Origin": origin}).status_code == 403


def test_an_origin_is_a_text_not_a_pattern(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", security__allowed_origins='["https://*.example.org"]')
    answer = house.client.get(JOBS, headers={"Origin": "https://a.example.org"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_any_origin_where_the_operator_says_so(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", security__allowed_origins='["*"]')
    answer = house.client.get(JOBS, headers={"Origin": "https://anybody.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert house.client.post(TICKET, json={}, headers={"Origin": "https://anybody.example"}).status_code == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "", "http://localhost.evil.example"])
def test_a_foreign_page_cannot_use_a_visitors_browser_to_change_anything(house: WebHouse, origin: str) -> None:
    answer = house.client.post(TICKET, json={}, headers={"Origin": origin})
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_our_own_page_and_programs_may(house: WebHouse) -> None:
    for headers in ({}, {"Origin": "http://localhost"}):
        assert house.client.post(TICKET, json={}, headers=headers).status_code == 400  # a field is missing


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[", "10.0.0.1"])
def test_without_keys_another_name_for_this_machine_is_refused(house: WebHouse, host: str) -> None:
    assert house.client.get(JOBS, headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "LOCALHOST"])
def test_this_machines_own_names_are_fine(house: WebHouse, host: str) -> None:
    assert house.client.get(JOBS, headers={"Host": host}).status_code == 200


def test_where_keys_are_needed_any_name_is_fine(locked_house: WebHouse) -> None:
    headers = locked_house.key("ada")
    assert locked_house.client.get(JOBS, headers={"Host": "autovoice.example", **headers}).status_code == 200


def test_a_proxy_may_leave_the_port_out(tmp_path: Path) -> None:
    direct, behind = WebHouse(tmp_path / "a"), WebHouse(tmp_path / "b", server__trusted_proxies="1")
    headers = {"Host": "localhost", "Origin": "http://localhost:8080"}
    assert direct.client.post(TICKET, json={}, headers=headers).status_code == 403
    assert behind.client.post(TICKET, json={}, headers=headers).status_code == 400  # a field is missing
