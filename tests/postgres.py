"""A real PostgreSQL for tests: a server of its own in a temporary folder, reached through a socket in there."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """The server's SQLAlchemy URL while it runs; skips the test, saying why, where there is no PostgreSQL."""
    pytest.importorskip("pg8000")
    user = _server_user()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # not below tmp_path: sockets want short names, others entry
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        _run(user, _program("initdb"), "-D", data, "-U", "autovoice", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-F -k {folder} -c listen_addresses='' -c max_connections=100"
        log = folder / "log"
        try:
            _run(user, _program("pg_ctl"), "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start")
        except subprocess.CalledProcessError as error:
            raise RuntimeError(log.read_text() if log.exists() else error.output) from error
        try:
            yield f"postgresql+pg8000://autovoice@/postgres?unix_sock={folder}/.s.PGSQL.5432"
        finally:
            _run(user, _program("pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(each) for each in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        pytest.skip(f"no PostgreSQL here: {name} is not installed")
    return found


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; root starts it as somebody without rights."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return pytest.skip("root cannot run PostgreSQL, and there is no user postgres or nobody to run it as")


def _run(user: pwd.struct_passwd | None, *command: str | Path) -> None:
    # A file, not a pipe: the server inherits it and would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            stdout=output,
            stderr=output,
            cwd="/",
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            timeout=120,
        )
        output.seek(0)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, output.read())
