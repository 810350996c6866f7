"""The cache gives back exactly what was put in, or nothing; and it never fails the work it speeds up."""

from __future__ import annotations

import json
import multiprocessing
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from auto_voice.config import Settings, load_settings
from auto_voice.storage.cache import Cache, open_cache, open_room

KEY = Cache.key("song")
OTHER = Cache.key("other song")
SMALL = {"x": np.arange(4, dtype=np.float32)}
MEGABYTE = {"x": np.zeros(1 << 18, dtype=np.float32)}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", ttl_hours=24, max_bytes=10 << 20)


def file_of(cache: Cache, key: str = KEY) -> Path:
    return cache.folder / f"{key}.safetensors"


def made_and_used(cache: Cache, key: str, *, made_hours_ago: float = 0, used_hours_ago: float = 0) -> None:
    """Set an entry's clock back."""
    now = time.time()
    os.utime(file_of(cache, key), (now - 3600 * used_hours_ago, now - 3600 * made_hours_ago))


def test_arrays_come_back_as_they_were(cache: Cache) -> None:
    arrays = {
        "stereo": np.random.default_rng(1).standard_normal((2, 1000), dtype=np.float32),
        "half": np.linspace(-1, 1, 7, dtype=np.float16).reshape(1, 7),
        "whole": np.array([[1, -2], [3, 2**40]]),
        "voiced": np.array([True, False]),
        "number": np.array(3.5),
        "nothing": np.zeros((0, 5), np.float32),
        "not finite": np.array([np.nan, np.inf]),
    }
    assert cache.put(KEY, arrays, {"model": "embedded", "warnings": ["é"], "seconds": 1.5})
    entry = cache.get(KEY)

    assert entry is not None
    assert entry.meta == {"model": "embedded", "warnings": ["é"], "seconds": 1.5}
    assert set(entry) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(entry[name], array)
        assert entry[name].dtype == array.dtype
        assert entry[name].shape == array.shape


def test_order_in_memory_does_not_matter(cache: Cache) -> None:
    arrays = {"turned": np.arange(6.0).reshape(2, 3).T, "every other": np.arange(9)[::2], "foreign": np.arange(3, dtype=">i4")}  # fmt: skip # noqa: E501
    assert cache.put(KEY, arrays)
    entry = cache.get(KEY)
    assert entry is not None
    for name, array in arrays.items():
        np.testing.assert_array_equal(entry[name], array)


def test_what_comes_back_is_the_callers_own(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    first = cache.get(KEY)
    assert first is not None
    first["x"][:] = 9
    again = cache.get(KEY)
    assert again is not None
    np.testing.assert_array_equal(again["x"], SMALL["x"])


def test_notes_alone_are_an_entry(cache: Cache) -> None:
    assert cache.put(KEY, {}, {"score": 0.5})
    entry = cache.get(KEY)
    assert entry is not None
    assert entry.meta == {"score": 0.5}


def test_keys_tell_parts_apart() -> None:
    keys = [Cache.key("ab", "c"), Cache.key("a", "bc"), Cache.key("abc"), Cache.key("abc", ""), Cache.key()]
    assert len(set(keys)) == len(keys)
    assert Cache.key("é") == Cache.key("é".encode())


@pytest.mark.parametrize("key", ["", "../x", "a" * 63, "A" * 64, KEY + "/"])
def test_only_keys_reach_the_disk(cache: Cache, key: str) -> None:
    with pytest.raises(ValueError, match=r"Cache\.key"):
        cache.get(key)
    with pytest.raises(ValueError, match=r"Cache\.key"):
        cache.put(key, SMALL)


def test_hits_and_misses_are_counted(cache: Cache) -> None:
    cache.get(KEY)
    cache.put(KEY, SMALL)
    cache.get(KEY)
    cache.get(KEY)
    assert (cache.hits, cache.misses) == (2, 1)


def test_looking_makes_no_folder(cache: Cache) -> None:
    assert cache.get(KEY) is None
    assert cache.prune() == 0
    assert cache.size_bytes() == 0
    assert not cache.folder.exists()


def test_entries_are_for_their_owner_only(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert file_of(cache).stat().st_mode & 0o777 == 0o600


# Damage.


def damaged(content: bytes) -> dict[str, bytes]:
    """An entry damaged in every way a disk or a hand can do it."""
    header_end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:header_end])
    del header["__metadata__"]["crc32"]
    without_checksum = json.dumps(header).encode()
    return {
        "empty": b"",
        "short header": content[:5],
        "cut": content[:-3],
        "longer": content + b"x",
        "one bit": content[:-1] + bytes([content[-1] ^ 1]),
        "notes": content.replace(b"embedded", b"embeddeb"),
        "header length": struct.pack("<Q", 2**60) + content[8:],
        "no checksum": struct.pack("<Q", len(without_checksum)) + without_checksum + content[header_end:],
        "other file": b"RIFF" + bytes(100),
    }


@pytest.mark.parametrize("damage", ["empty", "short header", "cut", "longer", "one bit", "notes", "header length", "no checksum", "other file"])  # fmt: skip # noqa: E501
def test_a_damaged_entry_is_a_miss_and_removed(cache: Cache, damage: str) -> None:
    cache.put(KEY, SMALL, {"model": "embedded"})
    file_of(cache).write_bytes(damaged(file_of(cache).read_bytes())[damage])

    assert cache.get(KEY) is None
    assert not file_of(cache).exists()
    assert cache.put(KEY, SMALL)
    assert cache.get(KEY) is not None


def test_a_folder_in_the_place_of_an_entry_is_a_miss(cache: Cache) -> None:
    file_of(cache).mkdir(parents=True)
    assert cache.get(KEY) is None


# Time.


def test_entries_expire(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    made_and_used(cache, KEY, made_hours_ago=23.9)
    assert cache.get(KEY) is not None
    made_and_used(cache, KEY, made_hours_ago=24.1)
    assert cache.get(KEY) is None


def test_use_does_not_lengthen_life(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    made_and_used(cache, KEY, made_hours_ago=20, used_hours_ago=20)
    cache.get(KEY)
    status = file_of(cache).stat()
    assert time.time() - status.st_mtime == pytest.approx(20 * 3600, abs=60)
    assert time.time() - status.st_atime < 60


def test_a_clock_set_back_a_little_loses_nothing(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    made_and_used(cache, KEY, made_hours_ago=-1, used_hours_ago=-1)
    assert cache.get(KEY) is not None
    assert cache.prune() == 0


def test_a_clock_set_back_far_makes_nothing_immortal(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    made_and_used(cache, KEY, made_hours_ago=-24 * 365, used_hours_ago=-24 * 365)
    assert cache.get(KEY) is None
    assert cache.prune() > 0
    assert not file_of(cache).exists()


# Size.


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, ttl_hours=24, max_bytes=3_500_000)
    keys = [Cache.key(str(number)) for number in range(4)]
    for age, key in enumerate(keys[:3]):
        cache.put(key, MEGABYTE)
        made_and_used(cache, key, made_hours_ago=3 - age, used_hours_ago=3 - age)
    assert cache.get(keys[0]) is not None  # the oldest, but just used
    cache.put(keys[3], MEGABYTE)

    assert [file_of(cache, key).exists() for key in keys] == [True, False, True, True]
    assert cache.size_bytes() <= 3_500_000


def test_expired_entries_make_room_before_others_are_evicted(tmp_path: Path) -> None:
    cache = Cache(tmp_path, ttl_hours=24, max_bytes=2_500_000)
    cache.put(KEY, MEGABYTE)
    cache.put(OTHER, MEGABYTE)
    made_and_used(cache, OTHER, made_hours_ago=25)
    made_and_used(cache, KEY, used_hours_ago=5)
    cache.put(Cache.key("third"), MEGABYTE)

    assert file_of(cache, KEY).exists()
    assert not file_of(cache, OTHER).exists()


def test_what_is_larger_than_the_cache_is_not_stored(tmp_path: Path) -> None:
    cache = Cache(tmp_path, ttl_hours=24, max_bytes=1 << 20)
    cache.put(KEY, SMALL)
    assert cache.put(OTHER, MEGABYTE) is False
    assert cache.get(KEY) is not None


@pytest.mark.parametrize(("ttl_hours", "max_bytes"), [(0, 1 << 20), (24, 0)])
def test_a_cache_that_is_off_keeps_and_finds_nothing(tmp_path: Path, ttl_hours: float, max_bytes: int) -> None:
    Cache(tmp_path, 24, 1 << 20).put(KEY, SMALL)
    off = Cache(tmp_path, ttl_hours, max_bytes)

    assert off.get(KEY) is None
    assert off.put(OTHER, SMALL) is False


def test_clear_removes_entries_and_nothing_else(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    (cache.folder / "notes.txt").touch()
    cache.clear()
    assert cache.get(KEY) is None
    assert (cache.folder / "notes.txt").exists()


def test_pruning_removes_what_killed_writers_left(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    left = cache.folder / ".tmpAbCdEf"
    left.touch()
    os.utime(left, (0, 0))
    cache.prune()
    assert not left.exists()


def test_only_one_process_prunes_at_a_time(cache: Cache) -> None:
    cache.put(KEY, SMALL)
    made_and_used(cache, KEY, made_hours_ago=25)
    with FileLock(cache.folder / ".lock"):
        assert cache.prune() == 0
    assert cache.prune() > 0


# The disk says no.


def test_a_full_disk_costs_only_the_entry(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cache.put(KEY, SMALL) is False
    assert "No space left on device" in caplog.text
    assert list(cache.folder.glob("*.safetensors")) == []
    assert list(cache.folder.glob(".tmp*")) == []


def test_a_disk_that_fills_up_while_writing(tmp_path: Path) -> None:
    program = f"""
import resource
from pathlib import Path
import numpy as np
from auto_voice.storage.cache import Cache

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
cache = Cache(Path({str(tmp_path)!r}), 24, 1 << 30)
print(cache.put(Cache.key("big"), {{"x": np.zeros(1 << 20)}}))
print(cache.put(Cache.key("small"), {{"x": np.zeros(8)}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "True"]
    assert "File too large" in done.stderr
    assert len(list(tmp_path.glob("*.safetensors"))) == 1
    assert list(tmp_path.glob(".tmp*")) == []


def test_a_folder_that_cannot_be_made_costs_only_the_entry(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "cache", ttl_hours=24, max_bytes=1 << 20)
    assert cache.put(KEY, SMALL) is False
    assert cache.get(KEY) is None


# At the same time.


def _put_many(folder: Path, value: float) -> None:
    cache = Cache(folder, ttl_hours=24, max_bytes=1 << 30)
    for _ in range(20):
        assert cache.put(KEY, {"x": np.full(100_000, value, np.float32)})
        entry = cache.get(KEY)
        assert entry is not None
        assert len(np.unique(entry["x"])) == 1


def test_two_processes_writing_one_entry_both_succeed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_many, args=(tmp_path, value)) for value in (1.0, 2.0)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [file.name for file in tmp_path.glob("*.safetensors")] == [f"{KEY}.safetensors"]
    assert list(tmp_path.glob(".tmp*")) == []


def test_threads_may_share_a_cache(cache: Cache) -> None:
    def work(number: int) -> None:
        for _ in range(20):
            cache.put(Cache.key(str(number)), {"x": np.full(10, number)})
            entry = cache.get(Cache.key(str(number)))
            assert entry is None or entry["x"][0] == number

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.hits + cache.misses == 80


def test_large_arrays_are_not_copied_in_memory(tmp_path: Path) -> None:
    """60 MB of stereo: writing takes no second 60 MB, reading takes 60 MB and not 120."""
    program = f"""
import resource
from pathlib import Path
import numpy as np
from auto_voice.storage.cache import Cache

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

cache, key = Cache(Path({str(tmp_path)!r}), 24, 1 << 30), Cache.key("stems")
cache.put(key, {{"x": np.zeros(8, np.float32)}}), cache.get(key)
stems = np.ones((2, 7_500_000), np.float32)
before = peak()
assert cache.put(key, {{"vocals": stems}})
written = peak()
entry = cache.get(key)
print(written - before, peak() - written)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    writing, reading = map(float, done.stdout.split())
    assert writing < 20
    assert reading < 80


# The configured caches.


def test_kinds_have_their_own_lifetimes_and_one_limit(tmp_path: Path) -> None:
    environment = {
        "AUTOVOICE__STORAGE__DATA_DIR": str(tmp_path),
        "AUTOVOICE__CACHE__SEPARATION_TTL_HOURS": "1",
        "AUTOVOICE__CACHE__CONVERSION_TTL_HOURS": "2",
        "AUTOVOICE__STORAGE__MAX_CACHE_SIZE_GB": str(2.5 / 1024),
    }
    settings = load_settings(environment=environment)
    separations, conversions = open_cache(settings, "separations"), open_cache(settings, "conversions")
    for cache in (separations, conversions):
        cache.put(KEY, MEGABYTE)
        made_and_used(cache, KEY, made_hours_ago=1.5, used_hours_ago=1)

    assert separations.folder == tmp_path / "cache" / "separations"
    assert separations.get(KEY) is None
    assert conversions.get(KEY) is not None

    separations.put(KEY, MEGABYTE)
    made_and_used(separations, KEY, used_hours_ago=1)
    made_and_used(conversions, KEY, used_hours_ago=2)
    separations.put(OTHER, MEGABYTE)
    assert not file_of(conversions).exists(), "the limit is that of all kinds together"
    assert file_of(separations).exists()


def test_intermediate_results_can_be_switched_off(settings: Settings) -> None:
    off = settings.model_copy(update={"cache": settings.cache.model_copy(update={"cache_intermediate_results": False})})
    assert open_cache(off, "separations").put(KEY, SMALL) is False
    assert open_cache(off, "pitch").put(KEY, SMALL) is False
    assert open_cache(off, "conversions").put(KEY, SMALL) is True


def test_a_room_lists_what_it_would_remove(settings: Settings) -> None:
    cache = open_cache(settings, "pitch")
    cache.put(KEY, SMALL)
    made_and_used(cache, KEY, made_hours_ago=25)
    room = open_room(settings)

    assert [entry.path for entry in room.superfluous()] == [file_of(cache)]
    assert file_of(cache).exists()
    assert [entry.path for entry in room.prune()] == [file_of(cache)]
    assert not file_of(cache).exists()
