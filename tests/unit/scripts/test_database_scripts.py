"""scripts/init_db.py, migrate_db.py and create_user.py: a database and its first user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auto_voice.accounts import Accounts
from auto_voice.config import load_settings
from auto_voice.database.schema import NEWEST, open_prepared

SCRIPTS = Path(__file__).parents[3] / "scripts"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path))
    return tmp_path


def test_the_runbooks_commands_make_an_admin_whose_key_opens() -> None:
    assert f"version {NEWEST}; it was empty" in run("init_db.py").stdout
    assert "it was ready already" in run("migrate_db.py").stdout
    made = run("create_user.py", "--username", "admin", "--role", "admin")
    assert made.returncode == 0, made.stderr
    assert "autovoice.db" in made.stderr, "says which service the key is for"
    found = Accounts(open_prepared(load_settings(environment=os.environ))).authenticate(made.stdout.strip())
    assert found is not None
    assert (found.username, found.role) == ("admin", "admin")
    again = run("create_user.py", "--username", "admin", "--role", "admin", "--json")
    assert again.returncode == 3
    assert json.loads(again.stdout)["code"] == "conflict"


def test_the_configuration_says_where_the_database_is(tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(f"database:\n  url: sqlite:///{tmp_path}/elsewhere.db\n")
    assert run("init_db.py", "--config", str(file)).returncode == 0
    assert (tmp_path / "elsewhere.db").is_file()
    assert run("init_db.py", "--config", str(tmp_path / "none.yaml")).returncode == 4


def test_a_damaged_database_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "autovoice.db").write_bytes(b"no database" * 1000)
    for script in ("init_db.py", "migrate_db.py"):
        refused = run(script)
        assert refused.returncode == 8
        assert "damaged" in refused.stderr
        assert "Traceback" not in refused.stderr
