"""database/schema.py: tables are made or brought to this version once, by whoever comes first."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from auto_voice.config import Settings, load_settings
from auto_voice.database import Database, open_database
from auto_voice.database import migrations as migrations_package
from auto_voice.database.schema import NEWEST, prepare
from auto_voice.database.tables import metadata
from auto_voice.errors import StorageError
from auto_voice.storage.paths import Paths


@pytest.fixture
def database(settings: Settings) -> Database:
    return open_database(settings)


def test_the_migrations_give_the_tables_that_the_code_works_with(database: Database) -> None:
    assert prepare(database) is None
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_version_is_the_last_file(database: Database) -> None:
    files = sorted((Path(migrations_package.__file__).parent / "versions").glob("v*.py"))
    assert files[-1].name.startswith(f"v{NEWEST}_")
    assert (
        [re.search(r'^revision = "(\d+)"', file.read_text(), re.M)[1] for file in files]
        == [  # type: ignore[index]
            file.name[1:5] for file in files
        ]
    )


def test_what_is_ready_is_left_alone(database: Database) -> None:
    prepare(database)
    with database.write() as connection:
        connection.execute(text("INSERT INTO users VALUES ('ada', 'user', 1.0, NULL)"))
    assert prepare(database) == NEWEST
    with database.read() as connection:
        assert connection.execute(text("SELECT username FROM users")).scalars().all() == ["ada"]


def test_a_newer_database_is_refused_and_left_alone(database: Database) -> None:
    prepare(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="version 9999, which this AutoVoice does not know") as refusal:
        prepare(database)
    assert "newer AutoVoice" in refusal.value.suggestions[0]
    with database.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_tables_of_something_else_are_not_touched(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE users (name TEXT)"))
    with pytest.raises(StorageError, match="tables that AutoVoice did not make: users"):
        prepare(database)
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["users"]


def test_an_upgrade_that_fails_leaves_nothing_behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the machine stops here")

    monkeypatch.setattr(Operations, "create_index", fail)
    with pytest.raises(RuntimeError):
        prepare(database)
    monkeypatch.undo()
    with database.read() as connection:
        assert inspect(connection).get_table_names() == []
    assert prepare(database) is None


@pytest.mark.parametrize("where", ["header", "middle"])
def test_a_damaged_file_is_told_with_the_remedy(settings: Settings, database: Database, where: str) -> None:
    prepare(database)
    database.dispose()
    file = Paths(settings).database_file()
    data = bytearray(file.read_bytes())
    start, end = (0, 64) if where == "header" else (4096, len(data) - 4096)
    data[start:end] = b"\xa5" * (end - start)
    file.write_bytes(data)
    with pytest.raises(StorageError, match="damaged") as told:
        prepare(open_database(settings))
    assert "backup" in told.value.suggestions[0]


def test_a_database_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/no/such/folder/file.db", f"sqlite:///{tmp_path}"):
        with pytest.raises(StorageError, match="cannot be used"):
            prepare(Database(url))


def test_processes_that_start_at_once_make_the_tables_once(settings: Settings, tmp_path: Path) -> None:
    program = (
        "import sys; from auto_voice.config import load_settings; from auto_voice.database.schema import *;"
        "print(prepare(open_database(load_settings(environment={'AUTOVOICE__STORAGE__DATA_DIR': sys.argv[1]}))))"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(settings.storage.data_dir)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    ended = [process.communicate(timeout=60) for process in started]
    assert sorted(out.strip() for out, _ in ended) == [NEWEST] * 3 + ["None"], ended


def test_the_migrations_are_part_of_the_package() -> None:
    """What pip installs must hold Alembic's template too, which is no Python file."""
    folder = Path(migrations_package.__file__).parent
    assert (folder / "script.py.mako").is_file()
    project = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert '"**/*.mako"' in project
    for each in (folder, folder / "versions"):
        assert (each / "__init__.py").is_file()


def test_another_data_folder_is_another_database(tmp_path: Path) -> None:
    for name in ("one", "two"):
        elsewhere = load_settings(environment={"AUTOVOICE__STORAGE__DATA_DIR": str(tmp_path / name)})
        assert prepare(open_database(elsewhere)) is None


def test_the_address_shown_to_people_holds_no_password() -> None:
    assert Database("postgresql+pg8000://ada:hunter2@db.example.com/voices").address == (
        "postgresql+pg8000://ada:***@db.example.com/voices"
    )
