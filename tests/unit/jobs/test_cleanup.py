"""What has expired goes; nothing that is younger than its limit does."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from sqlalchemy import func, select

from auto_voice.config import Settings, load_settings
from auto_voice.database import Database
from auto_voice.database.tables import idempotency_keys, profile_usage, workers
from auto_voice.errors import ConversionNotFoundError, ProfileNotFoundError
from auto_voice.jobs.cleanup import Cleaned, Cleanup
from auto_voice.jobs.job import Job, NewJob, new_job_id
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.profiles import ProfileStore
from auto_voice.storage.cache import open_cache
from auto_voice.storage.paths import Paths, private_folder
from job_stores import Clock, claimed, make
from simple_engines import make_profile

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def clock() -> Clock:
    """Begins now: files are as old as the disk says."""
    return Clock(time.time())


@pytest.fixture
def paths(settings: Settings) -> Paths:
    return Paths(settings)


def clean(store: JobStore) -> Cleaned:
    cleaned = Cleanup(store.settings, store).run()
    assert cleaned is not None
    return cleaned


def filled(folder: Path, size: int = 1000, name: str = "converted.wav") -> Path:
    """The folder with a file in it."""
    file = private_folder(folder) / name
    file.write_bytes(b"x" * size)
    return file


def done(store: JobStore, size: int = 1000, **changes: object) -> tuple[Job, Path]:
    """A completed job with its upload and its result's file."""
    paths = Paths(store.settings)
    made = make(store, **changes)
    filled(paths.job_dir(made.job_id), size=100, name="input-0")
    job = claimed(store)
    result = filled(paths.attempt_dir(job.job_id, job.attempt), size)
    store.complete(job, {"attempt": job.attempt, "files": {"converted.wav": {"size": size}}})
    return store.get(job.job_id), result


def aged(path: Path, seconds: float) -> None:
    """Let a file or folder, with all that is in it, be as old as that."""
    then = time.time() - seconds
    for each in (*path.rglob("*"), path):
        os.utime(each, (then, then))


class TestResults:
    def test_stay_for_their_time_then_go_and_the_job_says_so(self, store: JobStore, clock: Clock, paths: Paths) -> None:
        job, result = done(store)
        clock.forward(23 * HOUR)
        assert clean(store).files_expired == 0
        assert result.exists() and not store.get(job.job_id).files_expired
        clock.forward(2 * HOUR)
        cleaned = clean(store)
        assert (cleaned.files_expired, cleaned.bytes_freed) == (1, 1100)
        assert not paths.job_dir(job.job_id).exists()
        assert store.get(job.job_id).files_expired and store.get(job.job_id).state == "completed"
        assert clean(store).files_expired == 0

    def test_of_jobs_that_wait_or_run_stay_however_old(self, store: JobStore, clock: Clock, paths: Paths) -> None:
        running, waiting = make(store), make(store)
        uploads = [filled(paths.job_dir(job.job_id), name="input-0") for job in (running, waiting)]
        part = filled(paths.attempt_dir(claimed(store).job_id, 1))
        clock.forward(30 * DAY)
        assert clean(store).files_expired == 0
        assert part.exists() and all(upload.exists() for upload in uploads)

    def test_are_not_lost_when_the_clock_goes_back(self, store: JobStore, clock: Clock) -> None:
        _, result = done(store)
        clock.forward(-10 * DAY)
        clean(store)
        assert result.exists()

    def test_beyond_their_room_the_oldest_go(self, store: JobStore, settings: Settings, clock: Clock) -> None:
        kept = []
        for _ in range(4):
            kept.append(done(store, size=400 << 10))
            clock.forward(60)
        small = load_settings(
            environment={
                "AUTOVOICE__STORAGE__DATA_DIR": str(settings.storage.data_dir),
                "AUTOVOICE__STORAGE__MAX_CONVERSIONS_SIZE_GB": "0.001",  # 1049 KiB: two results and a half
            }
        )
        assert clean(JobStore(small, store.database, clock=clock)).files_expired == 2
        assert [result.exists() for _, result in kept] == [False, False, True, True]
        assert [store.get(job.job_id).files_expired for job, _ in kept] == [True, True, False, False]

    def test_a_folder_left_by_a_cleanup_that_was_killed_goes_next_time(
        self, store: JobStore, clock: Clock, paths: Paths
    ) -> None:
        job, _ = done(store)
        clock.forward(25 * HOUR)
        clean(store)
        late = filled(paths.attempt_dir(job.job_id, 1))
        clean(store)
        assert not late.exists()


class TestLeftovers:
    def test_attempts_that_lost_go_and_the_one_that_stands_stays(
        self, store: JobStore, clock: Clock, paths: Paths
    ) -> None:
        made = make(store)
        claimed(store)
        lost = filled(paths.attempt_dir(made.job_id, 1))
        store.lose("worker")
        job = claimed(store)
        standing = filled(paths.attempt_dir(made.job_id, 2))
        store.complete(job, {"attempt": 2})
        clock.forward(HOUR / 2)
        clean(store)
        assert lost.exists()  # its worker may still be at it
        clock.forward(2 * HOUR)
        clean(store)
        assert not lost.parent.exists() and standing.exists()

    def test_of_failed_and_cancelled_jobs_only_the_upload_stays(
        self, store: JobStore, clock: Clock, paths: Paths
    ) -> None:
        for end in ("failed", "cancelled"):
            made = make(store)
            upload = filled(paths.job_dir(made.job_id), name="input-0")
            job = claimed(store)
            part = filled(paths.attempt_dir(job.job_id, 1))
            store.fail(job, {}) if end == "failed" else store.cancel(job.job_id)
            clock.forward(2 * HOUR)
            clean(store)
            assert upload.exists() and not part.exists()

    def test_an_upload_whose_job_was_never_made_goes_after_an_hour(
        self, store: JobStore, clock: Clock, paths: Paths
    ) -> None:
        upload = filled(paths.job_dir(new_job_id()), name="input-0")
        clock.forward(HOUR / 2)
        clean(store)
        assert upload.exists()
        clock.forward(HOUR)
        clean(store)
        assert not upload.parent.exists()

    def test_results_that_the_table_does_not_know_stay_as_long_as_any(
        self, store: JobStore, clock: Clock, paths: Paths
    ) -> None:
        result = filled(paths.attempt_dir(new_job_id(), 1))
        clock.forward(23 * HOUR)
        clean(store)
        assert result.exists()
        clock.forward(2 * HOUR)
        clean(store)
        assert not result.parent.parent.exists()

    def test_what_is_no_jobs_folder_is_left_alone(self, store: JobStore, settings: Settings, clock: Clock) -> None:
        foreign = filled(settings.storage.conversions_dir / "conv-mine", name="notes.txt")
        clock.forward(365 * DAY)
        clean(store)
        assert foreign.exists()

    def test_a_link_goes_and_what_it_leads_to_stays(
        self, store: JobStore, clock: Clock, paths: Paths, tmp_path: Path
    ) -> None:
        treasure = filled(tmp_path / "elsewhere", name="treasure")
        aged(treasure.parent, 2 * HOUR)
        link = paths.job_dir(new_job_id())
        private_folder(link.parent)
        link.symlink_to(treasure.parent)
        clock.forward(30 * DAY)
        clean(store)
        assert not link.is_symlink() and treasure.exists()

    def test_stale_uploads_go_and_young_ones_stay(self, store: JobStore, paths: Paths) -> None:
        old, old_folder = filled(paths.temp_dir(), name="old"), filled(paths.temp_dir() / "folder", name="part")
        young = filled(paths.temp_dir(), name="young")
        growing = filled(paths.temp_dir() / "growing", name="part")
        aged(old, 2 * HOUR)
        aged(old_folder.parent, 2 * HOUR)
        os.utime(growing.parent, (time.time() - DAY, time.time() - DAY))
        assert clean(store).bytes_freed == 2000
        assert [path.exists() for path in (old, old_folder, young, growing)] == [False, False, True, True]

    def test_the_cache_is_pruned(self, store: JobStore, settings: Settings) -> None:
        cache = open_cache(settings, "separations")
        cache.put(cache.key("song"), {"x": np.zeros(1000)})
        (entry,) = cache.folder.glob("*.safetensors")
        aged(entry, 25 * HOUR)
        assert clean(store).bytes_freed > 8000
        assert not entry.exists()


class TestRows:
    def test_of_ended_jobs_go_after_their_time(self, store: JobStore, clock: Clock) -> None:
        old, _ = done(store)
        clock.forward(80 * DAY)
        recent, _ = done(store)
        waiting = make(store)
        clock.forward(11 * DAY)
        assert clean(store).rows_removed == 1
        with pytest.raises(ConversionNotFoundError):
            store.get(old.job_id)
        assert {job.job_id for job in store.list()} == {recent.job_id, waiting.job_id}

    def test_stay_as_long_as_there_are_files(self, store: JobStore, settings: Settings, clock: Clock) -> None:
        long_lived = load_settings(
            environment={
                "AUTOVOICE__STORAGE__DATA_DIR": str(settings.storage.data_dir),
                "AUTOVOICE__CACHE__CONVERSION_TTL_HOURS": "10000",
            }
        )
        job, result = done(store)
        clock.forward(100 * DAY)
        clean(JobStore(long_lived, store.database, clock=clock))
        assert store.get(job.job_id).state == "completed" and result.exists()

    def test_of_keys_go_after_a_day_and_of_silent_workers_too(
        self, store: JobStore, database: Database, clock: Clock
    ) -> None:
        store.create(NewJob(kind="analysis", owner="ann", parameters={}), idempotency=("old", "body"))
        WorkerRegistry(database, clock).hello("dead")
        clock.forward(DAY + 60)
        store.create(NewJob(kind="analysis", owner="ann", parameters={}), idempotency=("new", "body"))
        WorkerRegistry(database, clock).hello("alive")
        clean(store)
        with database.read() as connection:
            assert list(connection.scalars(select(idempotency_keys.c.key))) == ["new"]
            assert list(connection.scalars(select(workers.c.worker_id))) == ["alive"]


class TestVoices:
    @pytest.fixture
    def voice(self, settings: Settings) -> str:
        """A voice made a year ago."""
        profile = make_profile(settings)
        for file in settings.storage.voice_profiles_dir.iterdir():
            aged(file, 365 * DAY)
        return profile.profile_id

    @pytest.fixture
    def profiles(self, settings: Settings) -> ProfileStore:
        return ProfileStore(settings)

    def test_their_time_begins_when_the_service_first_sees_them(
        self, store: JobStore, clock: Clock, voice: str, profiles: ProfileStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert clean(store).voices_removed == 0
        assert store.usage(voice) == (0, None)
        clock.forward(89 * DAY)
        assert clean(store).voices_removed == 0
        profiles.get(voice)
        clock.forward(2 * DAY)
        with caplog.at_level(logging.WARNING):
            assert clean(store).voices_removed == 1
        with pytest.raises(ProfileNotFoundError):
            profiles.get(voice)
        assert voice in caplog.text

    def test_every_use_begins_it_again(self, store: JobStore, clock: Clock, voice: str, profiles: ProfileStore) -> None:
        clean(store)
        for _ in range(3):
            clock.forward(80 * DAY)
            done(store, profile_id=voice, kind="speech")
            assert clean(store).voices_removed == 0
        profiles.get(voice)
        assert store.usage(voice)[1] is not None

    def test_a_job_that_waits_keeps_its_voice(
        self, store: JobStore, clock: Clock, voice: str, profiles: ProfileStore
    ) -> None:
        clean(store)
        made = make(store, profile_id=voice)
        clock.forward(200 * DAY)
        assert clean(store).voices_removed == 0
        profiles.get(voice)
        store.cancel(made.job_id)
        assert clean(store).voices_removed == 1

    def test_a_job_that_failed_was_a_use(self, store: JobStore, clock: Clock, voice: str) -> None:
        clean(store)
        clock.forward(80 * DAY)
        make(store, profile_id=voice)
        store.fail(claimed(store), {})
        clock.forward(20 * DAY)
        assert clean(store).voices_removed == 0

    def test_a_profile_written_since_is_not_removed(
        self, store: JobStore, settings: Settings, clock: Clock, voice: str
    ) -> None:
        clean(store)
        clock.forward(100 * DAY)
        os.utime(Paths(settings).profile_json(voice), (clock(), clock()))  # imported or learnt anew
        assert clean(store).voices_removed == 0

    def test_those_that_are_gone_are_forgotten(
        self, store: JobStore, voice: str, profiles: ProfileStore, database: Database
    ) -> None:
        clean(store)
        profiles.delete(voice)
        clean(store)
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(profile_usage)).scalar() == 0

    def test_a_voice_that_cannot_be_removed_stops_nothing(
        self, store: JobStore, settings: Settings, clock: Clock, voice: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        clean(store)
        file = Paths(settings).profile_reference(voice)
        file.unlink()
        file.mkdir()
        clock.forward(100 * DAY)
        assert clean(store).voices_removed == 0
        assert "cannot be removed" in caplog.text


def test_one_process_cleans_at_a_time(store: JobStore, settings: Settings) -> None:
    clean(store)
    with FileLock(settings.storage.conversions_dir / ".cleanup.lock"):
        assert Cleanup(settings, store).run() is None
    clean(store)


def test_thousands_of_folders_are_looked_up_in_parts(store: JobStore, database: Database, paths: Paths) -> None:
    kept = [done(store) for _ in range(3)]
    for _ in range(1200):
        filled(paths.job_dir(new_job_id()), size=1, name="input-0")
    clean(store)
    assert all(result.exists() for _, result in kept)
    assert len(paths.job_ids()) == 1203
