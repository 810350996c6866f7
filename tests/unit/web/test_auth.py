"""web/auth.py: who comes in, who does not, and what each is told."""

from __future__ import annotations

import dataclasses
import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from auto_voice.config import Settings
from auto_voice.web import auth, errors
from auto_voice.web import services as web_services
from auto_voice.web.caller import caller, owner_for
from auto_voice.web.services import Services

ONE_TEXT_FOR_ALL_WRONG_KEYS = "Invalid API key"
JOB = "conv-00000000-0000-4000-8000-000000000000"


class House:
    """A small app behind the door: /health is open, /who says who was recognised, /ws/<job> is a socket's place."""

    def __init__(self, settings: Settings, keys: bool = True) -> None:
        security = settings.security.model_copy(update={"api_key_required": keys})
        self.services: Services = web_services.open_services(settings.model_copy(update={"security": security}))
        self.accounts = self.services.accounts
        app = Flask(__name__)
        web_services.attach(app, self.services)
        errors.register_errors(app)
        auth.init_app(app)
        app.add_url_rule("/health", view_func=lambda: {"status": "healthy"}, endpoint="health")
        app.add_url_rule("/who", view_func=self._who, methods=["GET", "POST"], endpoint="who")
        app.add_url_rule("/ws/<job>", view_func=self._socket, endpoint="socket")
        self.client: FlaskClient = app.test_client()

    def key(self, username: str = "ada", role: str = "user", **rest: object) -> str:
        if username not in [user.username for user in self.accounts.list_users()]:
            self.accounts.create_user(username, role)  # type: ignore[arg-type]
        return self.accounts.issue_key(username, **rest)  # type: ignore[arg-type]

    def acts(self) -> list[tuple[str, str]]:
        return [(entry.actor, entry.act) for entry in self.services.audit.list()]

    @staticmethod
    def _who() -> dict[str, object]:
        from flask import request

        return {**dataclasses.asdict(caller()), "owner": owner_for(request.args.get("user_id"))}

    @staticmethod
    def _socket(job: str) -> dict[str, object]:
        return dataclasses.asdict(auth.socket_caller(job))


@pytest.fixture
def house(settings: Settings) -> House:
    return House(settings)


def test_without_a_key_only_the_open_addresses_answer(house: House) -> None:
    assert house.client.get("/health").status_code == 200
    for address in ("/who", "/nothing/of/the/kind", "/health/", "/ws/x"):
        answer = house.client.get(address)
        assert answer.status_code == 401
        assert answer.get_json()["error"] == "API key required"
        assert answer.get_json()["code"] == "unauthorized"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_comes_in_either_header(house: House) -> None:
    key = house.key()
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}, {"Authorization": f"bearer  {key} "}):
        answer = house.client.get("/who", headers=headers)
        assert answer.get_json() == {"username": "ada", "role": "user", "key_id": key.split("_")[1], "owner": "ada"}


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": " "}, {"Authorization": "Bearer "}, {"Authorization": "Basic eA=="}]
)
def test_what_is_no_key_at_all_counts_as_missing(house: House, headers: dict[str, str]) -> None:
    assert house.client.get("/who", headers=headers).status_code == 401


def test_every_wrong_key_gets_the_same_answer(house: House) -> None:
    now = 1_000_000.0
    house.accounts._clock = lambda: now  # type: ignore[method-assign]
    good, revoked, expired = house.key(), house.key(), house.key(valid_seconds=5)
    house.accounts.revoke(revoked.split("_")[1])
    disabled = house.key("bob")
    house.accounts.disable_user("bob")
    now += 5
    of_another = f"av_{good.split('_')[1]}_{revoked.split('_')[2]}"
    hostile = [
        "x",
        "av__",
        good[:-1],
        good + "0",
        good.upper(),
        "' OR 1=1 --",
        "ключ".encode().decode("latin-1"),
        "a" * 4000,
    ]
    answers = [
        house.client.get("/who", headers={"X-API-Key": key})
        for key in (revoked, expired, disabled, of_another, *hostile)
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.get_json()["error"] for answer in answers} == {ONE_TEXT_FOR_ALL_WRONG_KEYS}
    assert len({answer.data for answer in answers}) == 1
    assert house.client.get("/who", headers={"X-API-Key": good}).status_code == 200


def test_a_revoked_key_is_out_with_the_next_request(house: House) -> None:
    key = house.key()
    assert house.client.get("/who", headers={"X-API-Key": key}).status_code == 200
    house.accounts.revoke(key.split("_")[1])
    assert house.client.get("/who", headers={"X-API-Key": key}).status_code == 403


def test_a_preflight_needs_no_key_and_reaches_no_route(house: House) -> None:
    answer = house.client.options("/who", headers={"Access-Control-Request-Method": "POST", "Origin": "https://x.org"})
    assert answer.status_code == 200
    assert not answer.data


def test_guessing_is_slowed_down_and_noted_while_right_keys_still_open(house: House) -> None:
    key = house.key()
    statuses = [house.client.get("/who", headers={"X-API-Key": "wrong"}).status_code for _ in range(70)]
    assert statuses == [403] * 60 + [429] * 10
    answer = house.client.get("/who", headers={"X-API-Key": "wrong"})
    assert answer.get_json()["code"] == "rate_limited"
    assert int(answer.headers["Retry-After"]) > 0
    assert house.client.get("/who", headers={"X-API-Key": key}).status_code == 200
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    assert house.client.get("/who", headers={"X-API-Key": "wrong"}, environ_overrides=elsewhere).status_code == 403
    refusals = [act for _, act in house.acts() if act in ("key_refused", "keys_guessed")]
    assert sorted(refusals) == ["key_refused", "key_refused", "keys_guessed"]


def test_a_key_that_was_revoked_is_noted_under_its_users_name(house: House) -> None:
    key = house.key()
    house.accounts.revoke(key.split("_")[1])
    house.client.get("/who", headers={"X-API-Key": key})
    entry = house.services.audit.list(limit=1)[0]
    assert (entry.actor, entry.act, entry.target) == ("ada", "key_refused", key.split("_")[1])
    assert entry.details == {"what": "key", "reason": "revoked"}
    assert entry.address == "127.0.0.1"


def test_keys_never_reach_the_logs_or_the_audit_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = house.key()
    wrong = key[:-4] + "0000"
    for each in (key, wrong):
        house.client.get("/who", headers={"X-API-Key": each})
    secrets = {each.split("_")[2] for each in (key, wrong)}
    told = caplog.text + repr(house.services.audit.list()) + repr(house.accounts.list_keys())
    assert not [secret for secret in secrets if secret in told]
    assert not re.search(r"[0-9a-f]{64}", told)


def test_a_user_naming_somebody_else_finds_nobody_and_an_admin_acts_for_them(house: House) -> None:
    user, admin = {"X-API-Key": house.key()}, {"X-API-Key": house.key("root", "admin")}
    house.key("eve")
    assert house.client.get("/who?user_id=ada", headers=user).get_json()["owner"] == "ada"
    for other in ("eve", "nobody-at-all"):
        assert house.client.get(f"/who?user_id={other}", headers=user).status_code == 404
    assert house.client.get("/who?user_id=eve", headers=admin).get_json()["owner"] == "eve"
    assert ("root", "acted_for") not in house.acts(), "looking changes nothing"
    house.client.post("/who?user_id=eve", headers=admin)
    entry = house.services.audit.list(limit=1)[0]
    assert (entry.actor, entry.act, entry.target) == ("root", "acted_for", "eve")


def test_without_keys_everybody_is_let_in_as_they_say(settings: Settings) -> None:
    house = House(settings, keys=False)
    assert house.client.get("/who").get_json() == {
        "username": None,
        "role": "admin",
        "key_id": None,
        "owner": "default",
    }
    assert house.client.get("/who?user_id=ada").get_json()["owner"] == "ada"
    assert house.client.get("/who", headers={"X-API-Key": "left over from somewhere"}).status_code == 200
    assert house.client.get(f"/ws/{JOB}?ticket=left-over").status_code == 200


def test_a_ticket_opens_one_socket_on_its_job_once(house: House) -> None:
    house.key()
    ticket = house.services.tickets.issue("ada", "user", JOB)
    first = house.client.get(f"/ws/{JOB}?ticket={ticket}")
    assert first.get_json() == {"username": "ada", "role": "user", "key_id": None}
    assert house.client.get(f"/ws/{JOB}?ticket={ticket}").status_code == 403
    assert house.client.get(f"/who?ticket={house.services.tickets.issue('ada', 'user', JOB)}").status_code == 401


def test_a_damaged_database_is_the_services_fault_not_the_keys(house: House) -> None:
    key = house.key()
    house.services.database.dispose()
    file = house.services.paths.database_file()
    for each in file.parent.glob("autovoice.db*"):
        each.write_bytes(b"no database at all" * 1000)
    answer = house.client.get("/who", headers={"X-API-Key": key})
    assert answer.status_code == 503
    assert answer.get_json()["code"] == "service_unavailable"
