"""accounts/: users, keys, tickets and the audit log in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from auto_voice.accounts import Accounts, Audit, Identity, Refusal, Tickets
from auto_voice.accounts.key_text import new_key, parse_key
from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.database.schema import open_prepared
from auto_voice.errors import ConflictError, InvalidParametersError, NotFoundError

JOB, OTHER_JOB = (f"conv-00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))


class Clock:
    """The time is what the test says."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(settings: Settings) -> Database:
    return open_prepared(settings)


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    """With a user ada."""
    accounts = Accounts(database, clock)
    accounts.create_user("ada")
    return accounts


@pytest.fixture
def tickets(database: Database, clock: Clock) -> Tickets:
    return Tickets(database, clock)


def id_of(key: str) -> str:
    parsed = parse_key(key)
    assert parsed is not None
    return parsed.key_id


def test_a_key_speaks_for_its_user(accounts: Accounts) -> None:
    accounts.create_user("root", "admin")
    key = accounts.issue_key("root", label="laptop")
    assert accounts.authenticate(key) == Identity("root", "admin", id_of(key))
    assert [(each.username, each.label, each.expires_at) for each in accounts.list_keys()] == [("root", "laptop", None)]


def test_only_the_hash_of_a_secret_is_stored(accounts: Accounts, tickets: Tickets, settings: Settings) -> None:
    key, ticket = accounts.issue_key("ada"), tickets.issue("ada", "user", JOB)
    stored = b"".join(file.read_bytes() for file in settings.storage.data_dir.glob("autovoice.db*"))
    assert id_of(key).encode() in stored
    assert key.split("_")[2].encode() not in stored
    assert ticket.encode() not in stored


def test_a_key_ends_when_its_time_is_over(accounts: Accounts, clock: Clock) -> None:
    key = accounts.issue_key("ada", valid_seconds=60)
    clock.now += 59
    assert accounts.authenticate(key)
    clock.now += 1
    assert accounts.examine(key) == Refusal("expired", id_of(key), "ada")


def test_revoking_is_final_and_may_be_repeated(accounts: Accounts, clock: Clock) -> None:
    key, other = accounts.issue_key("ada"), accounts.issue_key("ada")
    first = accounts.revoke(id_of(key))
    clock.now += 100
    assert accounts.revoke(id_of(key)).revoked_at == first.revoked_at
    assert accounts.examine(key) == Refusal("revoked", id_of(key), "ada")
    assert accounts.authenticate(other)
    with pytest.raises(NotFoundError):
        accounts.revoke("nothing")


def test_a_disabled_users_keys_rest_until_enabled_again(accounts: Accounts, tickets: Tickets) -> None:
    key, ticket = accounts.issue_key("ada"), tickets.issue("ada", "user", JOB)
    accounts.disable_user("ada")
    assert accounts.examine(key) == Refusal("user_disabled", id_of(key), "ada")
    assert accounts.authenticate(accounts.issue_key("ada")) is None
    assert tickets.redeem(ticket, JOB) is None
    accounts.enable_user("ada")
    assert accounts.authenticate(key)


def test_a_right_id_with_another_secret_is_unknown(accounts: Accounts) -> None:
    one, two = accounts.issue_key("ada"), accounts.issue_key("ada")
    assert accounts.examine(f"av_{id_of(one)}_{two.split('_')[2]}") == Refusal("unknown", id_of(one))
    stranger = new_key()
    assert accounts.examine(stranger.text) == Refusal("unknown", stranger.key_id)


@pytest.mark.parametrize("wrong", ["", "av_", "av_x_y", "av_" + "0" * 16 + "_" + "g" * 64, " ", "\x00", "👑" * 100])
def test_what_has_not_the_form_of_a_key_never_reaches_the_database(accounts: Accounts, wrong: str) -> None:
    assert accounts.examine(wrong) == Refusal("not_a_key")
    key = accounts.issue_key("ada")
    assert accounts.examine(key + "\n") == Refusal("not_a_key")
    assert accounts.examine(key.upper()) == Refusal("not_a_key")


def test_the_last_use_is_kept_to_the_minute(accounts: Accounts, clock: Clock) -> None:
    key = accounts.issue_key("ada")
    assert accounts.list_keys()[0].last_used_at is None
    clock.now += 95
    for _ in range(2):
        accounts.authenticate(key)
    assert accounts.list_keys()[0].last_used_at == (clock.now // 60) * 60


def test_a_users_name_is_taken_once(accounts: Accounts) -> None:
    with pytest.raises(ConflictError, match="ada already"):
        accounts.create_user("ada", "admin")
    assert accounts.user("ada").role == "user"


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "../x", "-x", "@console", "a" * 65, "a\n", "ąda", "a'; DROP TABLE users"]
)
def test_a_name_that_is_none_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(InvalidParametersError):
        accounts.create_user(name)


def test_keys_are_refused_that_could_not_be_used(accounts: Accounts) -> None:
    for problem in ({"valid_seconds": 0}, {"valid_seconds": float("nan")}, {"label": "x" * 201}, {"label": "a\nb"}):
        with pytest.raises(InvalidParametersError):
            accounts.issue_key("ada", **problem)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        accounts.issue_key("nobody")
    with pytest.raises(InvalidParametersError):
        accounts.create_user("eve", "root")  # type: ignore[arg-type]


def test_a_ticket_opens_its_job_once(tickets: Tickets, accounts: Accounts) -> None:
    ticket = tickets.issue("ada", "user", JOB)
    assert tickets.redeem(ticket, JOB) == Identity("ada", "user")
    assert tickets.redeem(ticket, JOB) is None


def test_a_ticket_for_another_job_is_used_up_by_the_try(tickets: Tickets, accounts: Accounts) -> None:
    ticket = tickets.issue("ada", "user", JOB)
    assert tickets.redeem(ticket, OTHER_JOB) is None
    assert tickets.redeem(ticket, JOB) is None


@pytest.mark.parametrize("seconds", [60, 3600, -3600])
def test_a_ticket_lives_a_minute_whatever_the_clock_does(
    tickets: Tickets, accounts: Accounts, clock: Clock, seconds: float
) -> None:
    ticket = tickets.issue("ada", "user", JOB)
    clock.now += seconds
    assert tickets.redeem(ticket, JOB) is None


def test_old_tickets_do_not_pile_up(tickets: Tickets, database: Database, clock: Clock) -> None:
    for _ in range(5):
        tickets.issue("ada", "user", JOB)
        clock.now += 61
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM socket_tickets")).scalar() == 1


def test_of_many_that_show_one_ticket_at_once_one_comes_in(tickets: Tickets, accounts: Accounts) -> None:
    ticket = tickets.issue("ada", "user", JOB)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tickets.redeem(ticket, JOB), range(16)))
    assert [each for each in found if each] == [Identity("ada", "user")]


@pytest.mark.parametrize("wrong", ["", "avt_", "avt_" + "0" * 64, "x" * 10_000, "\x00"])
def test_what_is_no_ticket_opens_nothing(tickets: Tickets, wrong: str) -> None:
    assert tickets.redeem(wrong, JOB) is None


def test_what_changes_who_may_come_in_is_in_the_audit_log(accounts: Accounts, database: Database) -> None:
    key = accounts.issue_key("ada", label="my secret plan", actor="root")
    accounts.revoke(id_of(key))
    accounts.revoke(id_of(key))
    accounts.disable_user("ada")
    accounts.disable_user("ada")
    accounts.enable_user("ada")
    entries = Audit(database).list()
    assert [(entry.act, entry.actor, entry.target) for entry in reversed(entries)] == [
        ("user_created", "@console", "ada"),
        ("key_created", "root", id_of(key)),
        ("key_revoked", "@console", id_of(key)),
        ("user_disabled", "@console", "ada"),
        ("user_enabled", "@console", "ada"),
    ]
    assert "secret" not in repr(entries)


def test_the_audit_log_is_read_by_actor_act_and_time(database: Database, clock: Clock) -> None:
    audit = Audit(database, clock)
    audit.record("ada", "voice_created", "p1", address="198.51.100.7", request_id="r1", details={"inputs": 2})
    clock.now += 10
    audit.record("eve", "voice_deleted", "p1" * 1000)
    assert [entry.target for entry in audit.list(actor="ada")] == ["p1"]
    assert [entry.actor for entry in audit.list(acts=["voice_deleted"])] == ["eve"]
    assert [entry.actor for entry in audit.list(since=clock.now)] == ["eve"]
    assert [entry.actor for entry in audit.list(limit=1)] == ["eve"]
    first = audit.list()[1]
    assert (first.address, first.request_id, first.details) == ("198.51.100.7", "r1", {"inputs": 2})
    assert audit.forget(before=clock.now) == 1
    assert [entry.actor for entry in audit.list()] == ["eve"]
