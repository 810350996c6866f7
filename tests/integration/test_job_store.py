"""What the table of jobs promises, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import pytest

from auto_voice.config import Settings, load_settings
from auto_voice.errors import ConflictError, ConversionNotFoundError, InvalidParametersError, QueueFullError
from auto_voice.jobs.errors import LostJobError
from auto_voice.jobs.estimates import Estimates
from auto_voice.jobs.job import ENDED, NewJob, new_job_id
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from job_stores import NOON, Clock, claimed, finish, make

LEASE = 30.0  # jobs.lease_seconds


def limited(store: JobStore, settings: Settings, **limits: str) -> JobStore:
    """The same table under other limits."""
    environment = {f"AUTOVOICE__LIMITS__{name.upper()}": value for name, value in limits.items()}
    environment["AUTOVOICE__STORAGE__DATA_DIR"] = str(settings.storage.data_dir)
    return JobStore(load_settings(environment=environment), store.database, clock=store.clock)


class TestAJobsWay:
    def test_waits_runs_and_is_done(self, store: JobStore, clock: Clock) -> None:
        made = make(store, parameters={"song_name": "Ærø ♪", "pitch_shift": "auto"}, request_id="r-1", input_hash="ab")
        assert store.get(made.job_id) == made
        assert (made.state, made.attempt, made.created_at, made.lane) == ("queued", 0, NOON, "batch")

        clock.forward(5)
        job = claimed(store, "worker-1")
        assert job == store.get(made.job_id)
        assert (job.state, job.attempt, job.worker_id, job.lease_until) == (
            "processing",
            1,
            "worker-1",
            clock() + LEASE,
        )
        assert job.started_at == job.attempt_at == clock()
        assert job.parameters == {"song_name": "Ærø ♪", "pitch_shift": "auto"}

        clock.forward(3)
        store.report(job, 42.5, "voice_conversion")
        seen = store.get(job.job_id)
        assert (seen.progress, seen.stage, seen.lease_until) == (42.5, "voice_conversion", clock() + LEASE)

        clock.forward(4)
        store.complete(job, {"attempt": 1, "files": {"converted.wav": {"size": 3}}})
        done = store.get(job.job_id)
        assert (done.state, done.progress, done.finished_at) == ("completed", 100.0, clock())
        assert done.result == {"attempt": 1, "files": {"converted.wav": {"size": 3}}}
        assert done.ended and done.worker_id is None and done.lease_until is None and done.error is None
        assert store.claim("worker-1", "batch") is None

    def test_fails_with_its_error(self, store: JobStore) -> None:
        make(store)
        job = claimed(store)
        error = {"code": "separation_failed", "message": "No vocals.", "details": {"suggestions": []}}
        store.fail(job, error)
        failed = store.get(job.job_id)
        assert (failed.state, failed.error, failed.result, failed.losses) == ("failed", error, None, 0)

    def test_given_back_it_waits_again_and_nothing_was_lost(self, store: JobStore, clock: Clock) -> None:
        make(store)
        job = claimed(store)
        store.report(job, 60.0, "voice_conversion")
        clock.forward(1)
        store.release(job)
        waiting = store.get(job.job_id)
        assert (waiting.state, waiting.progress, waiting.stage, waiting.losses) == ("queued", 0.0, None, 0)
        assert (waiting.queued_at, waiting.created_at, waiting.history) == (clock(), job.created_at, [])
        again = claimed(store, "another")
        assert (again.attempt, again.started_at, again.attempt_at) == (2, job.started_at, clock())

    def test_cancelled_it_ends_at_once_and_its_worker_learns_of_it(self, store: JobStore) -> None:
        make(store)
        job = claimed(store)
        assert store.cancel(job.job_id).state == "cancelled"
        with pytest.raises(LostJobError) as lost:
            store.renew(job)
        assert lost.value.cancelled
        with pytest.raises(LostJobError):
            store.complete(job, {"attempt": 1})
        assert store.get(job.job_id).state == "cancelled"

    def test_cancelled_while_it_waits_it_is_never_claimed(self, store: JobStore) -> None:
        store.cancel(make(store).job_id)
        assert store.claim("worker", "batch") is None

    @pytest.mark.parametrize("end", ENDED)
    def test_what_has_ended_cannot_be_cancelled(self, store: JobStore, end: str) -> None:
        made = make(store)
        if end == "cancelled":
            store.cancel(made.job_id)
        else:
            job = claimed(store)
            store.complete(job, {}) if end == "completed" else store.fail(job, {})
        with pytest.raises(ConflictError, match=end) as conflict:
            store.cancel(made.job_id)
        assert (conflict.value.code, conflict.value.http_status) == ("conflict", 409)
        assert store.get(made.job_id).state == end

    def test_progress_stays_between_0_and_100(self, store: JobStore) -> None:
        make(store)
        job = claimed(store)
        store.report(job, 100.4, "audio_mixing")
        assert store.get(job.job_id).progress == 100.0
        store.report(job, -1, "audio_mixing")
        assert store.get(job.job_id).progress == 0.0


class TestOwners:
    def test_another_owners_job_is_not_there(self, store: JobStore) -> None:
        made = make(store, "ann")
        assert store.get(made.job_id, "ann") == made
        for look in (store.get, store.cancel):
            with pytest.raises(ConversionNotFoundError):
                look(made.job_id, "bob")
            with pytest.raises(ConversionNotFoundError):
                look(made.job_id, "")
            with pytest.raises(ConversionNotFoundError):
                look(new_job_id(), "ann")
        assert store.get(made.job_id).state == "queued"

    def test_lists_and_counts_by_owner_kind_and_state(self, store: JobStore) -> None:
        first, second = make(store, "ann"), make(store, "ann", kind="speech")
        other = make(store, "bob", kind="clone")
        store.cancel(second.job_id)

        def listed(*args: object, **narrowed: object) -> list[str]:
            return [job.job_id for job in store.list(*args, **narrowed)]  # type: ignore[arg-type]

        assert listed() == [other.job_id, second.job_id, first.job_id]
        assert listed(newest_first=False, limit=2) == [first.job_id, second.job_id]
        assert listed(limit=1, offset=1) == [second.job_id]
        assert listed("ann") == [second.job_id, first.job_id]
        assert listed("ann", states=("queued",)) == [first.job_id]
        assert listed(kinds=("speech", "clone")) == [other.job_id, second.job_id]
        assert listed("nobody") == []
        assert (store.count(), store.count("ann"), store.count("ann", kinds=("clone",))) == (3, 2, 0)
        assert set(store.many([first.job_id, other.job_id, new_job_id()])) == {first.job_id, other.job_id}
        assert store.many([]) == {}

    def test_the_depth_is_counted_by_lane(self, store: JobStore) -> None:
        for owner in ("ann", "ann", "bob"):
            make(store, owner)
        make(store, "cid", kind="stream", listener_until=NOON + 5)
        claimed(store)
        assert store.depth() == {
            "queued": {"batch": 2, "interactive": 1},
            "processing": {"batch": 1, "interactive": 0},
            "owners": 3,
        }


class TestWhoseTurnItIs:
    def order(self, store: JobStore) -> list[str]:
        """The owners in the order in which one worker, doing one job after the other, serves them."""
        served = []
        while job := store.claim("worker", "batch"):
            store.complete(job, {})
            store.clock.forward(1)  # type: ignore[attr-defined]
            served.append(job.owner)
        return served

    def test_one_owner_is_served_in_order(self, store: JobStore) -> None:
        made = [make(store).job_id for _ in range(3)]
        assert [claimed(store).job_id for _ in range(3)] == made

    def test_a_higher_priority_goes_first(self, store: JobStore) -> None:
        usual, urgent, idle = make(store), make(store, priority=5), make(store, priority=-5)
        assert [claimed(store).job_id for _ in range(3)] == [urgent.job_id, usual.job_id, idle.job_id]

    def test_a_hundred_jobs_of_one_delay_nobody_elses_first(self, store: JobStore) -> None:
        for _ in range(5):
            make(store, "ann")
        make(store, "bob")
        make(store, "cid")
        assert [claimed(store).owner for _ in range(4)] == ["ann", "bob", "cid", "ann"]

    def test_a_single_worker_goes_round(self, store: JobStore) -> None:
        for owner in ("ann", "ann", "ann", "bob", "bob", "cid"):
            make(store, owner)
        assert self.order(store) == ["ann", "bob", "cid", "ann", "bob", "ann"]

    def test_who_comes_later_need_not_wait_for_all_that_came_before(self, store: JobStore) -> None:
        for _ in range(4):
            make(store, "ann")
        store.complete(claimed(store), {})
        store.clock.forward(1)  # type: ignore[attr-defined]
        make(store, "bob")
        assert self.order(store) == ["bob", "ann", "ann", "ann"]

    def test_running_jobs_count_as_turns_taken(self, store: JobStore) -> None:
        for _ in range(4):
            make(store, "ann")
        assert [claimed(store).owner for _ in range(2)] == ["ann", "ann"]
        make(store, "bob")
        make(store, "bob")
        assert [claimed(store).owner for _ in range(3)] == ["bob", "bob", "ann"]

    def test_lanes_do_not_wait_for_each_other(self, store: JobStore) -> None:
        make(store)
        stream = make(store, kind="stream", listener_until=NOON + 60)
        assert claimed(store, lane="interactive").job_id == stream.job_id
        assert store.claim("worker", "interactive") is None
        assert claimed(store).kind == "conversion"

    def test_no_more_conversions_run_than_allowed_over_all_workers(self, store: JobStore, settings: Settings) -> None:
        two = limited(store, settings, concurrent_conversions="2")
        jobs = [make(two) for _ in range(3)]
        analysis = make(two, kind="analysis")
        first = claimed(two, "worker-1")
        claimed(two, "worker-2")
        assert two.claim("worker-3", "batch") is None
        assert claimed(two, "worker-3", "interactive").job_id == analysis.job_id
        two.complete(first, {})
        assert claimed(two, "worker-3").job_id == jobs[2].job_id

    def test_the_position_is_the_order_of_claims(self, store: JobStore) -> None:
        for owner, priority in (("ann", 0), ("ann", 0), ("bob", 0), ("ann", 1), ("cid", -1)):
            make(store, owner, priority=priority)
        waiting = store.list()
        positions = {store.estimates.queue_position(job): job.job_id for job in waiting}
        assert sorted(positions) == [1, 2, 3, 4, 5]  # type: ignore[type-var]
        assert [claimed(store).job_id for _ in waiting] == [positions[place] for place in range(1, 6)]
        assert store.estimates.queue_position(store.get(waiting[0].job_id)) is None


class TestEstimates:
    def test_are_learned_from_the_jobs_before(self, store: JobStore, clock: Clock) -> None:
        guess = store.estimates.remaining_seconds(make(store, parameters={"preset": None}))
        running = claimed(store)
        clock.forward(20)
        store.complete(running, {})
        for parameters in ({"preset": None}, {}, {"preset": "balanced"}):
            finished = finish(store, 20, parameters=parameters)
            assert store.estimates.remaining_seconds(finished) == 0
        learned = Estimates(store.database, store.settings, clock)
        first, second = make(store, parameters={}), make(store, parameters={"preset": "fast"})
        assert guess != pytest.approx(20) == learned.remaining_seconds(first)
        assert learned.wait_seconds(second) == pytest.approx(20)
        assert learned.wait_seconds(make(store, kind="speech", parameters={"text": "…"})) > 20


class TestTheDoor:
    def new(self, owner: str = "ann") -> NewJob:
        return NewJob(kind="conversion", owner=owner, parameters={})

    def test_the_same_key_and_body_give_the_same_job(self, store: JobStore) -> None:
        first, made = store.create(self.new(), idempotency=("key", "body"))
        assert made
        again, made = store.create(self.new(), idempotency=("key", "body"))
        assert (again.job_id, made, store.count()) == (first.job_id, False, 1)
        store.complete(claimed(store), {"attempt": 1})
        ended, _ = store.create(self.new(), idempotency=("key", "body"))
        assert (ended.job_id, ended.state) == (first.job_id, "completed")

    def test_another_body_with_that_key_is_refused(self, store: JobStore) -> None:
        store.create(self.new(), idempotency=("key", "body"))
        with pytest.raises(ConflictError) as conflict:
            store.create(self.new(), idempotency=("key", "another body"))
        assert (conflict.value.code, conflict.value.http_status) == ("conflict", 409)
        assert store.count() == 1

    def test_keys_are_each_owners_own(self, store: JobStore) -> None:
        store.create(self.new("ann"), idempotency=("key", "body"))
        _, made = store.create(self.new("bob"), idempotency=("key", "another body"))
        assert made and store.count() == 2

    def test_a_key_is_forgotten_after_a_day(self, store: JobStore, clock: Clock) -> None:
        store.create(self.new(), idempotency=("key", "body"))
        clock.forward(24 * 3600 + 1)
        assert store.create(self.new(), idempotency=("key", "another body"))[1]
        assert not store.create(self.new(), idempotency=("key", "another body"))[1]

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_a_key_has_a_length(self, store: JobStore, key: str) -> None:
        with pytest.raises(InvalidParametersError, match="Idempotency-Key"):
            store.create(self.new(), idempotency=(key, "body"))
        assert store.count() == 0

    def test_a_refused_request_uses_up_no_key(self, store: JobStore, settings: Settings) -> None:
        small = limited(store, settings, max_queue_size="1")
        make(small)
        with pytest.raises(QueueFullError):
            small.create(self.new(), idempotency=("key", "body"))
        claimed(small)
        assert small.create(self.new(), idempotency=("key", "another body"))[1]

    def test_a_full_queue_says_when_to_come_back(self, store: JobStore, settings: Settings, clock: Clock) -> None:
        small = limited(store, settings, max_queue_size="2")
        make(small, work_seconds=100.0)
        running = claimed(small)
        waiting = [make(small) for _ in range(2)]
        with pytest.raises(QueueFullError) as full:
            make(small)
        assert (full.value.code, full.value.http_status) == ("queue_full", 503)
        assert full.value.retry_after_seconds == round(small.estimates.remaining_seconds(small.get(running.job_id)))
        assert make(small, kind="stream", listener_until=clock() + 5).lane == "interactive"
        small.cancel(waiting[0].job_id)
        assert make(small).state == "queued"

    def test_without_a_queue_only_what_can_run_at_once_comes_in(self, store: JobStore, settings: Settings) -> None:
        direct = limited(store, settings, queue_enabled="false", concurrent_conversions="2")
        make(direct)
        with pytest.raises(QueueFullError):
            make(direct)
        registry = WorkerRegistry(store.database, store.clock)
        for worker in ("one", "two", "three"):
            registry.hello(worker, state="ready")
        make(direct)
        with pytest.raises(QueueFullError):
            make(direct)
        direct.complete(claimed(direct), {})
        make(direct)

    def test_interactive_work_has_a_limit_of_its_own(self, store: JobStore) -> None:
        for _ in range(200):
            make(store, kind="analysis")
        with pytest.raises(QueueFullError):
            make(store, kind="analysis")
        make(store)


class TestUse:
    def test_conversions_with_a_voice_are_counted_other_uses_dated(self, store: JobStore, clock: Clock) -> None:
        assert store.usage("voice") == (0, None)
        make(store, profile_id="voice")
        store.fail(claimed(store), {})
        assert store.usage("voice") == (0, None)
        for kind, total in (("conversion", 1), ("conversion", 2), ("speech", 2)):
            make(store, kind=kind, profile_id="voice")
            clock.forward(10)
            store.complete(claimed(store), {})
            assert store.usage("voice") == (total, clock())
        assert store.usage("other") == (0, None)
