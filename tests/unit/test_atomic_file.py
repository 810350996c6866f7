"""A file is whole or not there, whatever happens while it is written."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auto_voice.atomic_file import atomic_path, atomic_write, remove_stale_temporaries
from auto_voice.errors import StorageError


def test_the_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "song.wav"
    with atomic_write(target) as file:
        file.write(b"half")
        assert not target.exists()
        file.write(b" and half")
    assert target.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "song.wav"
    target.write_bytes(b"old")
    for failure in (ValueError, KeyboardInterrupt):
        with pytest.raises(failure), atomic_write(target) as file:
            file.write(b"new")
            raise failure
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_was_written_can_be_read_back(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "x", "w+b") as file:
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc"


def test_writers_that_want_a_name_get_one(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "x") as temporary:
        temporary.write_text("by name")
    assert (tmp_path / "x").read_text() == "by name"


def test_a_writer_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"), atomic_path(tmp_path / "x"):
        pass


def test_permissions_follow_the_umask_or_the_old_file(tmp_path: Path) -> None:
    for name, mode in (("new", 0o640), ("old", 0o604)):
        target = tmp_path / name
        if name == "old":
            target.touch()
            target.chmod(mode)
        previous = os.umask(0o027)
        try:
            with atomic_write(target):
                pass
        finally:
            os.umask(previous)
        assert target.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    ("number", "told", "remedy"),
    [
        (errno.ENOSPC, "No space left", "disk is full"),
        (errno.EDQUOT, "quota", "quota is used up"),
        (errno.EACCES, "Permission denied", "write permission"),
        (errno.EROFS, "Read-only", "read-only"),
    ],
)
def test_the_disks_refusals_say_what_to_do(
    number: int, told: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=told) as caught, atomic_write(tmp_path / "x") as file:
        file.write(b"abc")
    assert remedy in caught.value.suggestions[0]
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk(tmp_path: Path) -> None:
    """The file size limit of a process gives the same short write that a full disk gives."""
    program = f"""
import resource
from pathlib import Path
from auto_voice.atomic_file import atomic_write
from auto_voice.errors import StorageError

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    with atomic_write(Path({str(tmp_path / "x")!r})) as file:
        file.write(bytes(1 << 21))
except StorageError as error:
    print(error.message, error.suggestions)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "File too large" in done.stdout
    assert "ulimit" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = "none/x: No such file or directory"
    with pytest.raises(StorageError, match=told) as caught, atomic_write(tmp_path / "none" / "x"):
        pass
    assert "does not exist" in caught.value.suggestions[0]


def test_the_bytes_reach_the_disk_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append("sync folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "sync file")
        real_fsync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    with atomic_write(tmp_path / "x"):
        pass
    assert steps == ["sync file", "rename", "sync folder"]


def _write_many(target: Path, letter: bytes) -> None:
    for _ in range(30):
        with atomic_write(target) as file:
            for _ in range(10):
                file.write(letter * 10_000)


def test_two_processes_writing_one_file_both_succeed(tmp_path: Path) -> None:
    target = tmp_path / "x"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(target, letter)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert target.read_bytes() in (b"a" * 100_000, b"b" * 100_000)
    assert list(tmp_path.iterdir()) == [target]


def test_what_killed_writers_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    for name, age in ((".tmp-old", 7200), (".tmp-new", 0), ("kept", 7200)):
        file = tmp_path / name
        file.touch()
        os.utime(file, (file.stat().st_atime, file.stat().st_mtime - age))
    assert remove_stale_temporaries(tmp_path) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == [".tmp-new", "kept"]
