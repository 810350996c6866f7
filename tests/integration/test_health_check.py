"""scripts/health_check.sh judges a service by what it answers, with curl and without."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from documents import ROOT
from service import free_port

SCRIPT = ROOT / "scripts" / "health_check.sh"


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A service whose /health answers with that status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()
            self.wfile.write(b'{"status": "degraded"}\n')

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=["curl", "python"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """A machine without a GPU, with curl or without."""
    programs = ["bash", "env", "dirname", "awk", "python3"] + (["curl"] if request.param == "curl" else [])
    for name in programs:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed")
        (tmp_path / name).symlink_to(found)
    return {**{name: value for name, value in os.environ.items() if "AUTOVOICE" not in name}, "PATH": str(tmp_path)}


def check(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=60)


def test_a_service_that_works_passes_without_a_gpu(environment: dict[str, str]) -> None:
    with answering(200) as address:
        found = check(environment, address)

    assert found.returncode == 0, found.stderr
    assert '"status": "degraded"' in found.stdout
    assert "No NVIDIA GPU here" in found.stdout
    assert found.stdout.endswith("Health check passed\n")


def test_a_service_that_is_unhealthy_fails(environment: dict[str, str]) -> None:
    with answering(503) as address:
        found = check(environment, address)

    assert found.returncode == 1
    assert f"The service at {address} is not well." in found.stderr


def test_nobody_there_fails(environment: dict[str, str]) -> None:
    assert check(environment, f"127.0.0.1:{free_port()}").returncode == 1


def test_the_address_comes_from_the_configuration(environment: dict[str, str], tmp_path: Path) -> None:
    with answering(200) as address:
        file = tmp_path / "mine.yaml"
        file.write_text(f"server: {{host: 127.0.0.1, port: {address.split(':')[1]}}}")
        assert check({**environment, "AUTOVOICE_CONFIG": str(file)}).returncode == 0
