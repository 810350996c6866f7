"""The access matrix: every route of the app's own URL map, tried by everybody who might try it.

A route that is not in `access_matrix.EXPECTED` fails here: whoever adds one says who may use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import websocket
from werkzeug.test import TestResponse

from access_matrix import (
    EXPECTED,
    SONG_NAME,
    STOCK_VOICE,
    VOICE_NAME,
    AccessHouse,
    Open,
    Owned,
    Request,
    Shared,
    Socket,
    Things,
    lived_in,
    routes_of,
)
from web_house import WebHouse

STRANGERS = {"nobody": 401, "bad key": 403, "revoked": 403, "expired": 403}
CHANGING_HEADERS = {"X-Request-ID", "Date"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccessHouse]:
    with lived_in(tmp_path_factory.mktemp("house")) as house:
        yield house


def test_every_route_has_an_expectation_and_every_expectation_a_route(house: AccessHouse) -> None:
    assert {(method, rule.rule) for method, rule in routes_of(house.app)} == set(EXPECTED)


@pytest.mark.parametrize("who", [*STRANGERS, "eve", "ada", "root"])
def test_everybody_gets_what_is_expected_at_every_route(house: AccessHouse, who: str) -> None:
    wrong = []
    for (method, rule), expected in EXPECTED.items():
        if isinstance(expected, Socket):
            continue
        request = Request(expected.path) if isinstance(expected, Open) else expected.ask(house.adas_things())
        wanted = _status(who, expected)
        for each in ("HEAD", "GET") if method == "GET" else (method,):
            answer = house.ask(who, each, request)
            if answer.status_code != wanted:
                wrong.append(f"{each} {rule}: {answer.status_code} instead of {wanted}: {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def _status(who: str, expected: Open | Owned | Shared) -> int:
    if isinstance(expected, Open):
        return 200
    if who in STRANGERS:
        return STRANGERS[who]
    return 404 if who == "eve" and isinstance(expected, Owned) else expected.status


def test_what_is_anothers_looks_exactly_like_what_never_was(house: AccessHouse) -> None:
    """Status, body and headers; what could not even be an id has the same status."""
    malformed = replace(house.nothing(), profile="x", done="conv-1", waiting="%2e%2e")
    told = []
    for (method, rule), expected in EXPECTED.items():
        if not isinstance(expected, Owned):
            continue
        answers = [
            _without(house.ask("eve", method, expected.ask(things), Range="bytes=0-1"), things)
            for things in (house.adas_things(), house.nothing(), malformed)
        ]
        if answers[0] != answers[1] or answers[0][0] != answers[2][0]:
            told.append(f"{method} {rule}: {answers}")
    assert not told, "\n".join(told)


def _without(answer: TestResponse, things: Things) -> tuple[int, str, dict[str, str]]:
    text = answer.text
    for each in things.ids:
        text = text.replace(each, "ID")
    return answer.status_code, text, {name: value for name, value in answer.headers if name not in CHANGING_HEADERS}


def test_a_user_naming_somebody_else_finds_nothing_wherever_a_user_can_be_named(house: AccessHouse) -> None:
    """A route that takes a `user_id` is found by the API's own description."""
    places = list(house.user_id_places())
    assert len(places) >= 10
    for method, rule, place in places:
        expected = EXPECTED[method, rule]
        assert isinstance(expected, Owned | Shared), rule
        things = house.adas_things()
        request = expected.ask(things)
        of_ada, of_nobody = (house.ask("eve", method, request.naming(name, place)) for name in ("ada", "nobody-at-all"))
        assert of_ada.status_code == 404, f"{method} {rule}: {of_ada.text[:200]}"
        assert _without(of_ada, things) == _without(of_nobody, things), f"{method} {rule}"
        by_admin = house.ask("root", method, request.naming("ada", place))
        assert by_admin.status_code == expected.status, f"{method} {rule}: {by_admin.text[:200]}"
        by_herself = house.ask("ada", method, expected.ask(house.adas_things()).naming("ada", place))
        assert by_herself.status_code == expected.status, f"{method} {rule}: {by_herself.text[:200]}"


def test_nothing_that_lists_or_counts_tells_eve_of_ada(house: AccessHouse) -> None:
    """Every route that is asked for nothing in particular: lists, the queue, health, metrics, pages."""
    things = house.adas_things()
    private = {*things.ids, VOICE_NAME, SONG_NAME, house.keys["ada"]["X-API-Key"].split("_")[1], '"ada"'}
    told = []
    for method, rule in routes_of(house.app):
        if method == "GET" and not rule.arguments:
            for who in ("nobody", "eve"):
                text = house.ask(who, "GET", Request(rule.rule)).text
                told += [f"{rule.rule} tells {who} {each}" for each in private if each in text]
    assert not told, "\n".join(told)
    seen_by_ada = "".join(
        house.ask("ada", "GET", Request(path)).text
        for path in ("/api/v1/convert/jobs", "/api/v1/voice/profiles", "/v1/audio/voices")
    )
    assert all(each in seen_by_ada for each in (things.profile, things.waiting, VOICE_NAME)), "the test would see it"


def test_a_voice_cannot_be_guessed_by_its_name(house: AccessHouse) -> None:
    answers = [
        house.ask("eve", "POST", Request("/api/v1/speech/jobs", json={"text": "Hello.", "voice": name}))
        for name in (VOICE_NAME, "Bob's private voice")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].data == answers[1].data
    assert house.ask(
        "eve", "POST", Request("/api/v1/speech/jobs", json={"text": "Hello.", "voice": STOCK_VOICE})
    ).status_code == 202  # fmt: skip


def test_an_etag_is_no_way_in(house: AccessHouse) -> None:
    download = Request(f"/api/v1/convert/download/{house.done}/converted.wav")
    etag = house.ask("ada", "GET", download).headers["ETag"]
    assert house.ask("ada", "GET", download, **{"If-None-Match": etag}).status_code == 304
    for headers in ({"If-None-Match": etag}, {"If-Match": etag}, {"If-None-Match": "*"}, {"Range": "bytes=0-9"}):
        assert house.ask("eve", "GET", download, **headers).status_code == 404


def test_one_idempotency_key_of_two_users_is_two_keys(house: AccessHouse) -> None:
    request = Request("/api/v1/speech/jobs", json={"text": "Hello.", "voice": STOCK_VOICE})
    key = {"Idempotency-Key": "the-same"}
    ids = [house.ask(who, "POST", request, **key).json["conversion_id"] for who in ("ada", "ada", "eve")]
    assert ids[0] == ids[1] != ids[2]


def test_what_eve_tried_changed_nothing(house: AccessHouse) -> None:
    things = house.adas_things()
    for method, rule in (
        ("POST", "/api/v1/convert/cancel/<conversion_id>"),
        ("DELETE", "/api/v1/voice/profiles/<profile_id>"),
    ):
        expected = EXPECTED[method, rule]
        assert isinstance(expected, Owned)
        house.ask("eve", method, expected.ask(things))
    assert house.services.jobs.get(things.waiting).state == "queued"
    assert house.services.profiles.get(things.profile).user_id == "ada"
    assert house.services.jobs.usage(things.profile) == (0, None)


def test_what_an_admin_does_for_others_is_in_the_audit_log(house: AccessHouse) -> None:
    things = house.adas_things()
    house.ask("root", "POST", Request(f"/api/v1/convert/cancel/{things.waiting}"))
    house.ask("root", "DELETE", Request(f"/api/v1/voice/profiles/{things.profile}"))
    acts = {(entry.act, entry.target) for entry in house.services.audit.list(actor="root", limit=3)}
    assert {("acted_for", "ada"), ("voice_deleted", things.profile)} <= acts


@pytest.mark.parametrize(
    ("who", "end"),
    [
        ("nobody", 4401),
        ("bad key", 4401),
        ("revoked", 4401),
        ("expired", 4401),
        ("eve", 4404),
        ("ada", 1000),
        ("root", 1000),
    ],
)
def test_a_socket_opens_for_its_owner_and_admins(house: AccessHouse, who: str, end: int) -> None:
    frames, code = _listen(house, f"/ws/conversion/{house.done}", who)
    assert code == end
    if end == 1000:
        assert frames[-1]["type"] == "completed"
    else:
        assert [frame["type"] for frame in frames] == ["error"]
        assert SONG_NAME not in json.dumps(frames)


def test_a_socket_on_anothers_job_is_one_on_a_job_that_never_was(house: AccessHouse) -> None:
    never = house.nothing().done
    answers = []
    for job in (house.done, never):
        frames, code = _listen(house, f"/ws/conversion/{job}", "eve")
        for frame in frames:
            frame.pop("timestamp")
        answers.append((json.dumps(frames).replace(job, "ID"), code))
    assert answers[0] == answers[1]


def test_a_ticket_opens_the_one_socket_it_was_made_for(house: AccessHouse) -> None:
    def ticket() -> str:
        answer = house.ask("ada", "POST", Request("/api/v1/ws/ticket", json={"conversion_id": house.done}))
        assert answer.json is not None
        return str(answer.json["ticket"])

    mine, other_job = ticket(), house.adas_things().waiting
    assert _listen(house, f"/ws/conversion/{house.done}?ticket={mine}", "nobody")[1] == 1000
    assert _listen(house, f"/ws/conversion/{house.done}?ticket={mine}", "nobody")[1] == 4401
    assert _listen(house, f"/ws/conversion/{other_job}?ticket={ticket()}", "nobody")[1] == 4401
    assert _listen(house, f"/ws/conversion/{house.done}?ticket={ticket()}", "eve")[1] == 4404, "a key counts first"
    assert house.ask("nobody", "GET", Request("/api/v1/convert/jobs", query={"ticket": ticket()})).status_code == 401


def _listen(house: AccessHouse, path: str, who: str) -> tuple[list[dict[str, object]], int]:
    """The frames until the end, and the close code."""
    headers = [f"{name}: {value}" for name, value in house.keys[who].items()]
    socket = websocket.create_connection(house.url + path, header=headers, timeout=20, suppress_origin=True)
    frames = []
    try:
        while True:
            opcode, data = socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return frames, int.from_bytes(data[:2], "big")
            frames.append(json.loads(data))
    finally:
        socket.close()


def test_a_preflight_is_answered_without_a_key_and_without_effect(house: AccessHouse) -> None:
    things = house.adas_things()
    for expected in EXPECTED.values():
        if isinstance(expected, Owned | Shared):
            answer = house.ask("nobody", "OPTIONS", Request(expected.ask(things).path))
            assert answer.status_code == 200
            assert not answer.data
    assert house.services.jobs.get(things.waiting).state == "queued"


def test_paths_that_lead_nowhere_are_closed_too(house: AccessHouse) -> None:
    for path in (
        "/nothing",
        "/api/v1/",
        "/static",
        "/docs/../api/v1/convert/jobs",
        "//health",
        "/health/x",
        "/metrics/",
    ):
        assert house.ask("nobody", "GET", Request(path)).status_code in (401, 404), path
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/docs/swagger/../../openapi.py", "/static//etc/passwd"):
        assert house.ask("nobody", "GET", Request(path)).status_code in (401, 404), path


def test_without_keys_every_door_is_open(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "open")
    shut = []
    for method, rule in routes_of(house.app):
        path = rule.rule.replace("<path:filename>", "x")
        if not rule.websocket and house.client.open(path, method=method).status_code in (401, 403):
            shut.append(f"{method} {path}")
    assert not shut
