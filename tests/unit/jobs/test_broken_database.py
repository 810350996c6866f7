"""A database that cannot be used is an error that says what to do, and what was there stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.errors import StorageError
from auto_voice.jobs.recovery import recover
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.storage.paths import Paths
from job_stores import claimed, make

USES: dict[str, Callable[[JobStore], Any]] = {
    "create": make,
    "get": lambda store: store.get("conv-00000000-0000-4000-8000-000000000000"),
    "list": lambda store: store.list(),
    "claim": lambda store: store.claim("worker", "batch"),
    "lose": lambda store: store.lose("worker"),
    "recover": recover,
    "estimate": lambda store: store.estimates.wait_seconds("batch"),
    "workers": lambda store: WorkerRegistry(store.database).alive(),
}


@pytest.fixture
def file(settings: Settings) -> Path:
    return Paths(settings).database_file()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("damage", ["not a database", "overwritten pages"])
def test_a_damaged_file_names_the_backup(
    store: JobStore, settings: Settings, file: Path, use: str, damage: str
) -> None:
    make(store)
    store.database.dispose()  # the last connection moves everything from the write-ahead log into the file
    content = file.read_bytes()
    file.write_bytes(b"no database " * 1000 if damage == "not a database" else content[:100] + b"\xff" * 200_000)
    with pytest.raises(StorageError, match="damaged") as broken:
        USES[use](JobStore(settings, Database(f"sqlite:///{file}")))
    assert "backup" in broken.value.suggestions[0]


def test_a_full_disk_refuses_new_jobs_and_keeps_the_old(store: JobStore) -> None:
    before = make(store)
    job = claimed(store)
    with store.database.engine.connect() as connection:  # the pool's only one: later uses get it again
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full") as full:
        for _ in range(100):
            make(store, parameters={"text": "x" * 1000})
    assert "disk not full" in full.value.suggestions[0]
    with pytest.raises(StorageError, match="full"):
        store.complete(job, {"attempt": 1, "metadata": "x" * 100_000})
    assert store.get(before.job_id).state == "processing"
    with store.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    store.complete(job, {"attempt": 1})
    assert store.get(before.job_id).state == "completed"


def test_a_read_only_file_can_be_read_and_says_why_not_written(store: JobStore, settings: Settings, file: Path) -> None:
    made = make(store)
    read_only = JobStore(settings, Database(f"sqlite:///file:{file}?mode=ro&uri=true"))
    assert read_only.get(made.job_id) == made
    for write in (make, claimed, lambda store: store.cancel(made.job_id)):
        with pytest.raises(StorageError, match="readonly") as refused:
            write(read_only)
        assert "writable" in refused.value.suggestions[0]
    assert store.get(made.job_id) == made


def test_a_server_that_is_not_there_is_named(settings: Settings) -> None:
    store = JobStore(settings, Database("postgresql+pg8000://ann:secret@127.0.0.1:1/autovoice"))
    for use in USES.values():
        with pytest.raises(StorageError) as unreachable:
            use(store)
        assert "reachable" in unreachable.value.suggestions[0]
        assert "secret" not in unreachable.value.message
