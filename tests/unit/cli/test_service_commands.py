"""`autovoice keys`, `users` and `audit`: who may use the service, from its own machine's command line."""

from __future__ import annotations

import json
import os
import time

import pytest
from click.testing import CliRunner, Result

from auto_voice.accounts import Accounts
from auto_voice.cli import autovoice
from auto_voice.config import load_settings
from auto_voice.database.schema import open_prepared


def run(*arguments: str) -> Result:
    return CliRunner().invoke(autovoice, list(arguments))


def document(*arguments: str) -> dict[str, object]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.fixture(autouse=True)
def accounts(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path))
    return Accounts(open_prepared(load_settings(environment=os.environ)))


def make_key(*arguments: str) -> str:
    result = run("keys", "create", "--user", "ada", "--role", "user", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_a_new_key_is_all_that_stdout_gets_and_opens(accounts: Accounts) -> None:
    key = make_key()
    found = accounts.authenticate(key)
    assert found is not None
    assert (found.username, found.role) == ("ada", "user")


def test_a_key_is_shown_once_and_never_again() -> None:
    secret = make_key("--label", "laptop").split("_")[2]
    listed = run("keys", "list").output + run("keys", "list", "--json").output + run("audit").output
    assert "laptop" in listed
    assert secret not in listed


def test_a_key_may_end_by_itself() -> None:
    made = document("keys", "create", "--user", "ada", "--role", "admin", "--expires", "90d")
    assert made["state"] == "valid"
    assert str(made["expires_at"]) > str(made["created_at"])
    for wrong in ("0d", "90", "-1d", "1e9d", "9999999d", "d"):
        assert run("keys", "create", "--user", "ada", "--expires", wrong).exit_code == 2


def test_without_a_role_no_user_is_made(accounts: Accounts) -> None:
    refused = run("keys", "create", "--user", "ada")
    assert refused.exit_code == 3
    assert "There is no user 'ada'" in refused.stderr
    assert accounts.list_users() == []
    make_key()
    assert run("keys", "create", "--user", "ada").exit_code == 0
    assert run("keys", "create", "--user", "ada", "--role", "admin").exit_code == 3


def test_keys_are_revoked_by_id_or_whole_or_all_of_a_user(accounts: Accounts) -> None:
    keys = [make_key() for _ in range(4)]
    assert run("keys", "revoke", keys[0].split("_")[1]).exit_code == 0
    whole = run("keys", "revoke", keys[1])
    assert whole.exit_code == 0
    assert keys[1] not in whole.output
    assert [bool(accounts.authenticate(key)) for key in keys] == [False, False, True, True]
    assert len(document("keys", "revoke", "--user", "ada")["revoked"]) == 2  # type: ignore[arg-type]
    assert not [key for key in keys if accounts.authenticate(key)]


def test_one_unknown_id_revokes_nothing(accounts: Accounts) -> None:
    key = make_key()
    assert run("keys", "revoke", key.split("_")[1], "0123456789abcdef").exit_code == 3
    assert accounts.authenticate(key)
    for wrong in ([], [key, "--user", "ada"]):
        assert run("keys", "revoke", *wrong).exit_code == 2
    assert run("keys", "revoke", "--user", "nobody").exit_code == 3


def test_a_user_is_shut_out_and_let_in_again(accounts: Accounts) -> None:
    key = make_key()
    assert run("users", "disable", "ada").exit_code == 0
    assert accounts.authenticate(key) is None
    assert document("users", "list")["users"][0]["disabled_at"]  # type: ignore[index]
    assert run("keys", "create", "--user", "ada").exit_code == 3
    assert run("users", "enable", "ada").exit_code == 0
    assert accounts.authenticate(key)
    assert run("users", "disable", "nobody").exit_code == 3


def test_the_audit_log_tells_the_newest_first_and_by_choice() -> None:
    make_key()
    run("users", "disable", "ada")
    entries = document("audit")["entries"]
    assert [entry["act"] for entry in entries] == ["user_disabled", "key_created", "user_created"]  # type: ignore[attr-defined, index]
    only = document("audit", "--act", "key_created", "--since", "1h", "--actor", "@console", "--limit", "5")["entries"]
    assert len(only) == 1  # type: ignore[arg-type]
    assert run("audit", "--act", "nonsense").exit_code == 2
    assert "user_disabled" in run("audit").stdout


def test_empty_lists_say_what_to_do() -> None:
    assert "autovoice keys create" in run("keys", "list").stderr
    assert "autovoice keys create" in run("users", "list").stderr
    assert run("audit").exit_code == 0


def test_old_entries_of_the_audit_log_are_forgotten_when_told(accounts: Accounts) -> None:
    make_key()
    accounts._clock = lambda: time.time() - 400 * 86400  # type: ignore[method-assign]
    accounts.create_user("long-ago")
    assert document("audit", "--forget", "1y") == {"removed": 1}
    assert "long-ago" not in run("audit").stdout
    assert "ada" in run("audit").stdout
