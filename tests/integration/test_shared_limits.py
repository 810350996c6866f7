"""Rate limits that several web processes share through Redis."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from service import free_port, until
from web_process import web_server


@contextlib.contextmanager
def running_redis() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Redis that keeps nothing on the disk: its address and its process."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: _accepts(port), "redis", 10)
            yield f"redis://127.0.0.1:{port}/0", process
        finally:
            process.kill()


def _accepts(port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_processes_count_together_and_go_on_when_redis_does_not(tmp_path: Path) -> None:
    with (
        running_redis() as (address, redis),
        web_server(
            tmp_path,
            server__workers=2,
            security__rate_limiting_enabled=True,
            security__rate_limit_storage=address,
            limits__requests_per_hour=30,
        ) as server,
    ):
        until(lambda: len(server.web_pids()) == 2, "two processes")
        jobs = f"{server.url}/api/v1/convert/jobs"
        statuses = Counter(requests.get(jobs, timeout=10).status_code for _ in range(60))
        assert statuses == {200: 30, 429: 30}

        redis.kill()
        redis.wait(10)
        statuses = Counter(requests.get(jobs, timeout=10).status_code for _ in range(90))
        assert set(statuses) == {200, 429}, "each process counts for itself now"
        assert requests.get(f"{server.url}/health", timeout=10).ok
