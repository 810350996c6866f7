"""Real processes at one table of jobs, on SQLite and on PostgreSQL: at the same time, killed, stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from auto_voice.config import Settings
from auto_voice.database import Database, open_database
from auto_voice.database.tables import jobs
from auto_voice.errors import QueueFullError
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.job import NewJob
from auto_voice.jobs.recovery import recover
from auto_voice.jobs.store import JobStore
from job_stores import claimed, make

_processes = multiprocessing.get_context("fork")
PATIENCE = 60.0


@pytest.fixture
def store(stored_settings: Settings, database: Database) -> JobStore:
    return JobStore(short_leases(stored_settings), database)


def short_leases(settings: Settings, **limits: int) -> Settings:
    """Settings under which a silent worker is given up after a second."""
    return settings.model_copy(
        update={
            "jobs": settings.jobs.model_copy(update={"lease_seconds": 1.0}),
            "limits": settings.limits.model_copy(update={"concurrent_conversions": 1000, **limits}),
        }
    )


def together(number: int, work: Callable[..., None], *given: Any) -> None:
    """Run `work(number of the process, *given)` in processes that begin at the same moment; all must end well."""
    start = _processes.Barrier(number)

    def run(which: int) -> None:
        start.wait(PATIENCE)
        work(which, *given)

    started = [_processes.Process(target=run, args=(which,)) for which in range(number)]
    for process in started:
        process.start()
    for process in started:
        process.join(PATIENCE)
    assert [process.exitcode for process in started] == [0] * number


def open_store(settings: Settings) -> JobStore:
    """A process's own connection to the same table."""
    return JobStore(settings, open_database(settings))


def note(folder: Path, which: int, text: str) -> None:
    with (folder / f"process-{which}").open("a") as file:
        file.write(f"{text}\n")


def noted(folder: Path) -> Counter[str]:
    return Counter(line for file in folder.glob("process-*") for line in file.read_text().splitlines())


def _make_ten(which: int, settings: Settings) -> None:
    store = open_store(settings)
    for _ in range(10):
        make(store, f"owner-{which}")


def _work_until_all_is_done(which: int, settings: Settings, expected: int, folder: Path) -> None:
    store = open_store(settings)
    deadline = time.monotonic() + PATIENCE
    while store.count(states=("completed",)) < expected:
        assert time.monotonic() < deadline
        if (store.queue.take("batch") and (job := store.claim(f"worker-{which}", "batch"))) is not None:
            while job:
                note(folder, which, job.job_id)
                store.report(job, 50.0, "voice_conversion")
                store.complete(job, {"attempt": job.attempt, "worker": which})
                job = store.claim(f"worker-{which}", "batch")
        else:
            time.sleep(0.01)


def _make_or_work(which: int, settings: Settings, folder: Path) -> None:
    if which < 3:
        _make_ten(which, settings)
    else:
        _work_until_all_is_done(which, settings, 30, folder)


def test_none_is_lost_and_none_done_twice(store: JobStore, tmp_path: Path) -> None:
    together(7, _make_or_work, store.settings, tmp_path)
    done = store.list(states=("completed",), limit=100)
    assert noted(tmp_path) == Counter(job.job_id for job in done)
    assert len(done) == store.count() == 30
    assert {job.attempt for job in done} == {1}


def _claim_all(which: int, settings: Settings, folder: Path) -> None:
    store = open_store(settings)
    while job := store.claim(f"worker-{which}", "batch"):
        note(folder, which, job.job_id)


def test_together_they_run_no_more_than_allowed(store: JobStore, tmp_path: Path) -> None:
    for number in range(12):
        make(store, f"owner-{number % 2}")
    together(6, _claim_all, short_leases(store.settings, concurrent_conversions=5), tmp_path)
    assert sorted(noted(tmp_path).values()) == [1] * 5
    assert store.depth()["processing"]["batch"] == 5


def _create_with_one_key(which: int, settings: Settings, folder: Path) -> None:
    new = NewJob(kind="conversion", owner="ann", parameters={})
    job, made = open_store(settings).create(new, idempotency=("key", "body"))
    note(folder, which, f"{made} {job.job_id}")


def test_one_key_makes_one_job_however_often_it_comes_at_once(store: JobStore, tmp_path: Path) -> None:
    together(8, _create_with_one_key, store.settings, tmp_path)
    (only,) = store.list()
    assert noted(tmp_path) == {f"True {only.job_id}": 1, f"False {only.job_id}": 7}


def _make_until_full(which: int, settings: Settings, folder: Path) -> None:
    store = open_store(settings)
    for _ in range(10):
        try:
            note(folder, which, make(store).job_id)
        except QueueFullError as full:
            assert 1 <= full.retry_after_seconds <= 3600
            note(folder, which, "full")


def test_the_queue_never_grows_beyond_its_size(store: JobStore, tmp_path: Path) -> None:
    together(4, _make_until_full, short_leases(store.settings, max_queue_size=25), tmp_path)
    assert store.count() == 25
    assert noted(tmp_path)["full"] == 15


def _claim_and_die(settings: Settings) -> None:
    claimed(open_store(settings), "killed")
    os.kill(os.getpid(), signal.SIGKILL)


def _die_while_writing(settings: Settings) -> None:
    with open_database(settings).write() as connection:
        connection.execute(update(jobs).values(state="completed"))
        os.kill(os.getpid(), signal.SIGKILL)


def killed(work: Callable[[Settings], None], settings: Settings) -> None:
    """Let a process do its work up to its SIGKILL."""
    process = _processes.Process(target=work, args=(settings,))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGKILL


def recovered(store: JobStore, job_id: str) -> None:
    """Let recovery look again and again, as the service does, until the job waits."""
    deadline = time.monotonic() + PATIENCE
    while store.get(job_id).state != "queued":
        assert time.monotonic() < deadline
        recover(store)
        time.sleep(0.05)


def test_a_killed_workers_job_is_done_by_the_next(store: JobStore) -> None:
    made = make(store)
    store.queue.take("batch")
    killed(_claim_and_die, store.settings)
    assert store.get(made.job_id).worker_id == "killed"
    recovered(store, made.job_id)
    assert store.queue.take("batch") == made.job_id
    job = claimed(store, "next")
    store.complete(job, {"attempt": job.attempt})
    done = store.get(made.job_id)
    assert (done.attempt, done.losses, done.result) == (2, 1, {"attempt": 2})
    assert done.history[0]["worker_id"] == "killed"


def test_killed_in_the_middle_of_a_write_nothing_is_written_and_nobody_waits(store: JobStore) -> None:
    made = make(store)
    killed(_die_while_writing, store.settings)
    assert store.get(made.job_id) == made
    assert claimed(store).job_id == made.job_id


def _claim_be_stopped_and_finish(settings: Settings) -> None:
    store = open_store(settings)
    job = claimed(store, "stopped")
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        store.complete(job, {"attempt": job.attempt})
    except LostJobError:
        os._exit(42)


def test_a_worker_stopped_past_its_lease_cannot_overwrite_the_newer_result(store: JobStore) -> None:
    made = make(store)
    process = _processes.Process(target=_claim_be_stopped_and_finish, args=(store.settings,))
    process.start()
    assert process.pid is not None
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    recovered(store, made.job_id)
    newer = claimed(store, "newer")
    store.complete(newer, {"attempt": newer.attempt})
    os.kill(process.pid, signal.SIGCONT)
    process.join(PATIENCE)
    assert process.exitcode == 42
    assert store.get(made.job_id).result == {"attempt": 2}


def _recover_often(which: int, settings: Settings) -> None:
    store = open_store(settings)
    for _ in range(20):
        recover(store)


def test_many_recover_at_once_and_each_loss_counts_once(store: JobStore) -> None:
    made = [make(store) for _ in range(5)]
    for _ in made:
        claimed(store, "dead")
    with store.database.write() as connection:
        connection.execute(update(jobs).values(lease_until=time.time() - 1))
    together(4, _recover_often, store.settings)
    found = store.list()
    assert {(job.state, job.losses, len(job.history)) for job in found} == {("queued", 1, 1)}
    assert set(store.queue.waiting("batch")) == {job.job_id for job in made}
