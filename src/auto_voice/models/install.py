"""One model's folder: filled beside its place, checked, converted, then put there whole; later verified.

`models_dir/<id>/` holds the published files, what was derived from them, and `installed.json`: name, size and
SHA-256 of each. Two processes may install the same model at once: the second waits, then finds it there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from auto_voice.atomic_file import storage_error
from auto_voice.errors import ModelLoadError
from auto_voice.models.catalogue import ModelEntry, ModelFile
from auto_voice.models.sources import CHUNK, FolderSource, Source, SourceError, Stop
from auto_voice.models.steps import STEPS

RECORD = "installed.json"
_WORK = ".work"
_LOCK_POLL_SECONDS = 0.2
_STALE_SECONDS = 24 * 3600.0

State = Literal["waiting", "fetching", "installing", "installed", "present", "failed"]
"""Of one model; `waiting` for another process, `present`: it was there before."""

Report = Callable[[State, int], None]
"""Called with the state and the bytes of the model got so far."""


def install(
    entry: ModelEntry,
    models_dir: Path,
    sources: Sequence[Source],
    *,
    force: bool = False,
    report: Report,
    stop: Stop,
) -> bool:
    """Make the model be there. Files that are there already and right are kept, unless `force`.

    Returns:
        Whether there was anything to do.

    Raises:
        ModelLoadError: a file is not to be had; the message tells every source tried and why it failed.
        StorageError: the folder cannot be written.
        CancelledError: `stop` was set.
    """
    folder = models_dir / entry.id
    try:
        with _lock(entry, models_dir, report, stop):
            if not force and is_installed(entry, models_dir):
                return False
            if not force and folder.is_dir():
                sources = [FolderSource(models_dir, entry.id), *sources]
            with work_folder(models_dir) as staging:
                _fill(entry, staging, sources, report, stop)
                report("installing", entry.size_bytes)
                if entry.step:
                    STEPS[entry.step](staging)
                _record(entry, staging)
                _sync(staging)
                _swap(staging, folder)
    except OSError as error:
        raise storage_error(error, f"install model {entry.id!r} in {models_dir}") from error
    return True


def is_installed(entry: ModelEntry, models_dir: Path) -> bool:
    """Whether every file is there in its recorded size. Quick: unlike `verify` it reads no weights."""
    return not _problems(entry, models_dir, thorough=False)


def verify(entry: ModelEntry, models_dir: Path) -> list[str]:
    """What is wrong with an installed model, one sentence a file; empty if nothing is.

    Published files are held against the catalogue, derived ones against what was recorded as they were made.
    """
    return _problems(entry, models_dir, thorough=True)


def _problems(entry: ModelEntry, models_dir: Path, *, thorough: bool) -> list[str]:
    folder = models_dir / entry.id
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        recorded = {name: ModelFile(name=name, **facts) for name, facts in record.items()}
    except FileNotFoundError:
        return ["it is not installed"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [f"{RECORD} is damaged"]
    problems = []
    expected = {
        **{name: recorded.get(name) for name in entry.derived},
        **{file.name: file for file in entry.files},
    }
    for name, file in expected.items():
        path = folder / name
        if file is None or not path.is_file():
            problems.append(f"{name} is missing")
        elif path.stat().st_size != file.size:
            problems.append(f"{name} has {path.stat().st_size} bytes instead of {file.size}")
        elif recorded.get(name) != file:
            problems.append(f"{name} is not the version of the catalogue")
        elif thorough and sha256(path) != file.sha256:
            problems.append(f"{name} is damaged: its checksum is wrong")
    return problems


def sha256(path: Path) -> str:
    """Checksum of a file, lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as reader:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def work_folder(models_dir: Path) -> Iterator[Path]:
    """A folder for unfinished things, on the same disk as the models; removed in the end."""
    work = models_dir / _WORK
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as name:
        yield Path(name)


def remove_stale_work(models_dir: Path) -> None:
    """Remove the unfinished work of processes that were killed: gigabytes, and nobody would look for them."""
    limit = time.time() - _STALE_SECONDS
    for folder in (models_dir / _WORK).glob("*/"):
        if folder.is_dir() and folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _lock(entry: ModelEntry, models_dir: Path, report: Report, stop: Stop) -> Iterator[None]:
    (models_dir / _WORK).mkdir(parents=True, exist_ok=True)
    lock = FileLock(models_dir / _WORK / f"{entry.id}.lock")
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL_SECONDS)
            break
        except Timeout:
            stop.check()
            report("waiting", 0)
    try:
        yield
    finally:
        lock.release()


def _fill(entry: ModelEntry, staging: Path, sources: Sequence[Source], report: Report, stop: Stop) -> None:
    done = 0
    for file in entry.files:

        def advance(file_done: int, before: int = done) -> None:
            stop.check()
            report("fetching", before + file_done)

        failures = _obtain(file, staging / file.name, sources, advance)
        if failures is not None:
            tried = "".join(f"\n  {line}" for line in failures) or "\n  no source has it"
            raise ModelLoadError(
                f"model {entry.id!r} cannot be fetched: {file.name} ({file.size / 1e6:.1f} MB) was sought at" + tried,
                suggestions=[
                    f"on a machine that has it: autovoice models export BUNDLE {entry.id}",
                    "then here: autovoice models import BUNDLE",
                    "or put its files into a folder: autovoice models fetch --from FOLDER",
                ],
            )
        done += file.size


def _obtain(
    file: ModelFile, target: Path, sources: Sequence[Source], advance: Callable[[int], None]
) -> list[str] | None:
    """Get a file from the first source that has it right: None, or a line for each source that did not."""
    failures = []
    for source in sources:
        if not source.serves(file):
            continue
        advance(0)
        try:
            source.fetch(file, target, advance)
            size = target.stat().st_size
            if size != file.size:
                raise SourceError(f"it has {size} bytes instead of {file.size}")
            if sha256(target) != file.sha256:
                raise SourceError("its checksum is wrong")
        except SourceError as error:
            failures.append(f"{source}: {error}")
        else:
            return None
    return failures


def _record(entry: ModelEntry, staging: Path) -> None:
    files = {file.name: {"sha256": file.sha256, "size": file.size} for file in entry.files}
    for name in entry.derived:
        files[name] = {"sha256": sha256(staging / name), "size": (staging / name).stat().st_size}
    document = {"id": entry.id, "licence": entry.licence, "files": files}
    (staging / RECORD).write_text(json.dumps(document, indent=1), encoding="utf-8")
    # Some writers keep their files to themselves, but who installs need not be who runs.
    for name in files:
        shutil.copymode(staging / RECORD, staging / name)


def _sync(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _swap(staging: Path, folder: Path) -> None:
    """Put the staged folder in its place. Who has the old files open keeps them."""
    with tempfile.TemporaryDirectory(dir=staging.parent, ignore_cleanup_errors=True) as attic:
        if folder.exists():
            folder.rename(Path(attic) / "old")
        shutil.copymode(folder.parent, staging)
        staging.rename(folder)
    staging.mkdir()  # for the context manager that removes it
