"""The web server alone, in processes of its own: no supervisor and no worker, so that it starts within seconds.

with web_server(tmp_path) as server:
    requests.get(f"{server.url}/health")
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
import websocket

from auto_voice.config import Settings, load_settings
from auto_voice.database import open_database
from auto_voice.database.schema import prepare
from auto_voice.jobs.job import Job, NewJob
from auto_voice.jobs.store import JobStore
from service import free_port, until


@dataclass
class WebServer:
    """A running web server, seen from its test.

    Attributes:
        url, socket_url: where it listens, without a slash at the end.
        settings: in force.
        config: its configuration file, to be changed before a SIGHUP.
        store: its jobs.
        process: gunicorn's first process; its children are the web processes.
        log: what all of them write.
    """

    settings: Settings
    environment: dict[str, str]
    config: Path
    store: JobStore
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.server.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.settings.server.port}"

    def web_pids(self) -> list[int]:
        """Process ids of the web processes."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def answers(self) -> bool:
        """Whether it can be asked; fails the test when it has ended."""
        assert self.process.poll() is None, f"the server ended: {self.log.read_text()}"
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/ready", timeout=10).ok
        return False

    def job(self, owner: str = "default") -> Job:
        """A conversion that waits."""
        return self.store.create(NewJob(kind="conversion", owner=owner, parameters={}))[0]

    def watch(self, job_id: str, query: str = "", **given: object) -> websocket.WebSocket:
        """Open the job's WebSocket."""
        return websocket.create_connection(f"{self.socket_url}/ws/conversion/{job_id}{query}", timeout=15, **given)

    def raw(self) -> socket.socket:
        """A connection to say anything on."""
        return socket.create_connection(("127.0.0.1", self.settings.server.port), timeout=15)

    def stop(self, seconds: float = 20.0) -> int:
        """Stop it as the supervisor does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def write_settings(file: Path, values: Mapping[str, object]) -> None:
    """A configuration file of these settings: {"server__workers": 2}."""
    document: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        section, _, key = name.partition("__")
        document.setdefault(section, {})[key] = value
    file.write_text(json.dumps(document))  # JSON is YAML


@contextlib.contextmanager
def web_server(folder: Path, **given: object) -> Iterator[WebServer]:
    """A server that answers; gone when the block ends. `given` are settings: `server__workers=2`."""
    folder.mkdir(parents=True, exist_ok=True)
    config, log = folder / "config.yaml", folder / "server.log"
    write_settings(
        config,
        {
            "server__port": free_port(),
            "server__shutdown_timeout": 5,
            "storage__data_dir": str(folder / "data"),
            "security__rate_limiting_enabled": False,
            **given,
        },
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOVOICE")}
    environment["AUTOVOICE_CONFIG"] = str(config)
    settings = load_settings([config], environment)
    database = open_database(settings)
    prepare(database)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "auto_voice.web.server"], env=environment, cwd=folder, stdout=output, stderr=output
        )
    server = WebServer(settings, environment, config, JobStore(settings, database), log, process)
    try:
        until(server.answers, "the web server")
        yield server
    except BaseException:
        print(log.read_text(errors="replace")[-8000:])
        raise
    finally:
        family = (
            [psutil.Process(process.pid), *psutil.Process(process.pid).children()] if process.poll() is None else []
        )
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait(10)
        database.dispose()
