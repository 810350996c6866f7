"""A real service for a benchmark: `autovoice serve` with the configured models, on a port and folders of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
from websocket import create_connection

from auto_voice.config import load_settings

START_SECONDS = 120.0
POLL_SECONDS = 0.05
LONGEST_CLONE_SECONDS = 600


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        url: where it answers, without a slash at the end.
        folder: its data folder.
        process: the supervisor.
    """

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> Any:
        """The JSON that a route answers with."""
        answer = requests.get(self.url + path, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def clone(self, recordings: list[Path]) -> str:
        """Learn a voice; its id."""
        with contextlib.ExitStack() as opened:
            files = [("audio", (file.name, opened.enter_context(file.open("rb")))) for file in recordings]
            answer = requests.post(
                f"{self.url}/api/v1/voice/clone", files=files, data={"consent": "true"}, timeout=LONGEST_CLONE_SECONDS
            )
        answer.raise_for_status()
        return str(answer.json()["profile_id"])

    def convert(self, song: Path, voice: str, **fields: str) -> str:
        """Hand in a song; the job's id."""
        with song.open("rb") as file:
            answer = requests.post(
                f"{self.url}/api/v1/convert/song",
                files={"song": (song.name, file)},
                data={"target_profile_id": voice, **fields},
                timeout=60,
            )
        answer.raise_for_status()
        return str(answer.json()["conversion_id"])

    def status(self, job_id: str) -> dict[str, Any]:
        """How a job stands."""
        return dict(self.get(f"/api/v1/convert/status/{job_id}"))

    def wait(self, job_id: str) -> dict[str, Any]:
        """The status of a job once it is completed; ends the benchmark where it comes to nothing.

        It listens, as asking again and again would take from the processor what is to be measured.
        """
        address = f"{self.url.replace('http', 'ws', 1)}/ws/conversion/{job_id}"
        with contextlib.closing(create_connection(address, timeout=60)) as socket:
            while json.loads(socket.recv())["type"] == "progress":
                pass
        told = self.status(job_id)
        if told["status"] != "completed":
            raise SystemExit(f"a job {told['status']}: {told.get('error')}")
        return told

    def workers(self) -> list[psutil.Process]:
        """The worker processes there are now."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "auto_voice.worker" in child.cmdline()]


@contextlib.contextmanager
def running_service(folder: Path, workers: int = 1, **settings: object) -> Iterator[Service]:
    """A service that takes jobs; stopped when the block ends.

    Args:
        folder: for everything but the models.
        workers: how many worker processes.
        settings: further ones, as `section__key`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {
        "storage__data_dir": folder,
        "storage__models_dir": load_settings().storage.models_dir,
        "server__port": port,
        "limits__worker_threads": workers,
        "security__rate_limiting_enabled": "false",
        "logging__level": "WARNING",
        **settings,
    }
    environment = {**os.environ, **{f"AUTOVOICE__{name.upper()}": str(value) for name, value in given.items()}}
    command = [sys.executable, "-m", "auto_voice.cli", "serve"]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    service = Service(f"http://127.0.0.1:{port}", folder, process)
    try:
        _wait_until_ready(service, workers)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_until_ready(service: Service, workers: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and service.process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if service.get("/api/v1/queue/status")["workers"] >= workers:
                return
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"the service did not start:\n{(service.folder / 'service.log').read_text()}")
