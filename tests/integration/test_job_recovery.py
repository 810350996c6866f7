"""What becomes of jobs whose workers or listeners are lost, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import time

import pytest

from auto_voice.jobs.cleanup import Cleaned, Cleanup
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.job import NewJob
from auto_voice.jobs.recovery import recover
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.storage.paths import Paths
from job_stores import NOON, Clock, claimed, finish, make
from simple_engines import make_profile

LEASE = 30.0  # jobs.lease_seconds


class TestFences:
    def test_an_attempt_that_was_given_up_changes_nothing_more(self, store: JobStore, clock: Clock) -> None:
        make(store)
        stale = claimed(store, "stopped")
        clock.forward(LEASE + 1)
        recover(store)
        newer = claimed(store, "quick")
        assert newer.attempt == 2
        for late in (
            lambda: store.renew(stale),
            lambda: store.report(stale, 99.0, "audio_mixing"),
            lambda: store.complete(stale, {"attempt": 1}),
            lambda: store.fail(stale, {"code": "internal_error"}),
            lambda: store.release(stale),
        ):
            with pytest.raises(LostJobError) as lost:
                late()
            assert not lost.value.cancelled
        assert store.get(stale.job_id) == newer
        store.complete(newer, {"attempt": 2})
        with pytest.raises(LostJobError):
            store.complete(stale, {"attempt": 1})
        assert store.get(stale.job_id).result == {"attempt": 2}

    def test_a_job_ends_once(self, store: JobStore) -> None:
        make(store, profile_id="a-voice")
        job = claimed(store)
        store.complete(job, {"attempt": 1})
        for again in (store.complete, store.fail):
            with pytest.raises(LostJobError):
                again(job, {"other": True})
        assert store.get(job.job_id).result == {"attempt": 1}
        assert store.usage("a-voice")[0] == 1


class TestLosses:
    def test_a_dead_workers_jobs_wait_again_with_their_history(self, store: JobStore, clock: Clock) -> None:
        mine, others = make(store), make(store)
        job = claimed(store, "dead")
        claimed(store, "alive")
        store.report(job, 12.0, "source_separation")
        clock.forward(2)
        assert store.lose("dead") == [mine.job_id]
        waiting = store.get(mine.job_id)
        assert (waiting.state, waiting.losses, waiting.worker_id, waiting.progress) == ("queued", 1, None, 0.0)
        assert waiting.history == [
            {
                "attempt": 1,
                "worker_id": "dead",
                "stage": "source_separation",
                "progress": 12.0,
                "began_at": job.attempt_at,
                "lost_at": clock(),
                "reason": "worker_died",
            }
        ]
        assert store.get(others.job_id).state == "processing"
        assert store.lose("dead") == []

    def test_after_the_last_attempt_it_has_failed(self, store: JobStore) -> None:
        made = make(store)
        for attempt in (1, 2, 3):
            job = claimed(store)
            assert job.attempt == attempt
            store.report(job, 30.0, "pitch_extraction")
            assert store.lose("worker") == ([made.job_id] if attempt < 3 else [])
        failed = store.get(made.job_id)
        assert (failed.state, failed.losses, [entry["attempt"] for entry in failed.history]) == ("failed", 3, [1, 2, 3])
        assert failed.error is not None and failed.error["code"] == "internal_error"
        assert "3 workers" in failed.error["message"] and "pitch_extraction" in failed.error["message"]
        assert failed.finished_at is not None
        assert store.claim("worker", "batch") is None

    def test_giving_back_never_uses_up_attempts(self, store: JobStore) -> None:
        make(store)
        for _ in range(5):
            store.release(claimed(store))
        assert claimed(store).attempt == 6

    def test_a_silent_worker_is_given_up_when_its_lease_has_run_out(self, store: JobStore, clock: Clock) -> None:
        made = make(store)
        job = claimed(store)
        clock.forward(LEASE - 1)
        recover(store)
        assert store.get(made.job_id).state == "processing"
        store.renew(job)
        clock.forward(LEASE - 1)
        recover(store)
        assert store.get(made.job_id).state == "processing"
        clock.forward(2)
        recover(store)
        lost = store.get(made.job_id)
        assert (lost.state, lost.losses, lost.history[0]["reason"]) == ("queued", 1, "lease_expired")

    def test_a_lease_from_before_the_clock_went_back_does_not_hold_for_ever(
        self, store: JobStore, clock: Clock
    ) -> None:
        made = make(store)
        claimed(store, "dead")
        clock.forward(-86400)
        recover(store)
        assert store.get(made.job_id).state == "queued"

    def test_a_little_step_back_costs_no_attempt(self, store: JobStore, clock: Clock) -> None:
        made = make(store)
        claimed(store)
        clock.forward(-LEASE / 2)
        recover(store)
        assert store.get(made.job_id).state == "processing"


class TestStreams:
    def test_without_a_listener_it_ends(self, store: JobStore, clock: Clock) -> None:
        heard, unheard, waiting = (make(store, kind="stream", listener_until=NOON + 5) for _ in range(3))
        running = [claimed(store, lane="interactive") for _ in range(2)]
        store.keep_listening(heard.job_id, NOON + 60)
        clock.now = NOON + 6
        recover(store)
        assert [store.get(job.job_id).state for job in (heard, unheard, waiting)] == [
            "processing",
            "cancelled",
            "cancelled",
        ]
        store.renew(running[0])
        with pytest.raises(LostJobError) as lost:
            store.renew(running[1])
        assert lost.value.cancelled

    def test_listening_to_what_has_ended_changes_nothing(self, store: JobStore) -> None:
        made = make(store, kind="stream", listener_until=NOON + 5)
        ended = store.cancel(made.job_id)
        store.keep_listening(made.job_id, NOON + 60)
        assert store.get(made.job_id) == ended


class TestMessages:
    def test_every_waiting_job_is_announced(self, store: JobStore) -> None:
        made = make(store)
        assert store.queue.take("batch") == made.job_id
        assert store.queue.waiting("batch") == []
        recover(store)
        assert store.queue.waiting("batch") == [made.job_id]
        recover(store)
        assert store.queue.waiting("batch") == [made.job_id]

    def test_what_runs_or_has_ended_is_not(self, store: JobStore) -> None:
        make(store)
        store.complete(claimed(store), {})
        make(store, kind="clone")
        claimed(store, lane="interactive")
        for lane in ("batch", "interactive"):
            store.queue.take(lane)  # type: ignore[arg-type]
        recover(store)
        assert store.queue.waiting("batch") == store.queue.waiting("interactive") == []

    def test_what_waits_again_is(self, store: JobStore) -> None:
        made = make(store)
        job = claimed(store)
        store.queue.take("batch")
        store.release(job)
        assert store.queue.take("batch") == made.job_id
        claimed(store, "dead")
        store.lose("dead")
        assert store.queue.take("batch") == made.job_id


def test_cleanup_works_on_both(store: JobStore, clock: Clock) -> None:
    clock.now = time.time()
    unused, used = (make_profile(store.settings).profile_id for _ in range(2))
    old = finish(store, 10)
    registry = WorkerRegistry(store.database, clock)
    registry.hello("dead")
    store.create(NewJob(kind="analysis", owner="ann", parameters={}), idempotency=("key", "body"))
    assert Cleanup(store.settings, store).run() == Cleaned(
        files_expired=0, bytes_freed=0, rows_removed=0, voices_removed=0
    )
    clock.forward(80 * 86400)
    finish(store, 10, profile_id=used)
    clock.forward(11 * 86400)
    assert Cleanup(store.settings, store).run() == Cleaned(
        files_expired=2, bytes_freed=0, rows_removed=1, voices_removed=1
    )
    assert Paths(store.settings).profile_ids() == [used]
    assert store.usage(unused) == (0, None)
    assert old.job_id not in store.many([old.job_id])
    assert registry.alive(365 * 86400) == []
    assert store.create(NewJob(kind="analysis", owner="ann", parameters={}), idempotency=("key", "another"))[1]
