"""Three web servers on three ports share one data folder and one worker, behind nginx with the shipped configuration.

A song is started, watched, polled and fetched through different ones, and goes on when one of them is killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from websocket import create_connection

from documents import ROOT
from service import Service, end, free_port, make_service, until
from simple_engines import song, wav

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
SHIPPED = ROOT / "deploy" / "nginx" / "autovoice.conf"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass
class Cluster:
    """nginx and what is behind it.

    Attributes:
        url: nginx's address.
        service: the first web server, with the worker.
        servers: all three web servers, by address as nginx names them.
    """

    url: str
    service: Service
    servers: dict[str, subprocess.Popen[bytes]]

    def ask(self, path: str, **given: Any) -> requests.Response:
        """GET through nginx, on a connection of its own."""
        return requests.get(self.url + path, timeout=30, **given)

    def start_song(self) -> dict[str, Any]:
        """Hand a song in through nginx."""
        answer = requests.post(
            f"{self.url}/api/v1/convert/song",
            files={"song": ("song.wav", wav(song(2.0)), "audio/wav")},
            data={"target_profile_id": self.service.profile().profile_id, "use_cache": "false"},
            timeout=30,
        )
        assert answer.status_code == 202, answer.text
        started: dict[str, Any] = {**answer.json(), "served_by": answer.headers["X-Served-By"]}
        return started


@contextmanager
def nginx(folder: Path, ports: list[int]) -> Iterator[str]:
    """nginx with the shipped site; only ports and paths are the test's."""
    port = free_port()
    site = SHIPPED.read_text("utf-8")
    for shipped, own in zip(("5000", "5001", "5002"), ports, strict=True):
        site = site.replace(f"127.0.0.1:{shipped}", f"127.0.0.1:{own}")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{port};")
    site = site.replace("/opt/autovoice/", f"{ROOT}/")
    assert all(str(each) in site for each in (port, *ports, ROOT))
    (folder / "site.conf").write_text(site)
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"""{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections 256; }}
        http {{ access_log off; {temporary} add_header X-Served-By $upstream_addr always; include {folder}/site.conf; }}
        """
    )
    assert NGINX is not None
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: _answers(f"http://127.0.0.1:{port}/health"), "nginx")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    service = make_service(folder, {"server.trusted_proxies": 1}, engine_seconds=0.4)
    ports = [service.settings.server.port, free_port(), free_port()]
    with ExitStack() as running:
        service.start()
        running.callback(end, service)
        servers = {f"127.0.0.1:{ports[0]}": service.process}
        for port in ports[1:]:
            with service.log.open("ab") as log:
                server = subprocess.Popen(
                    [sys.executable, "-m", "auto_voice.web.server"],
                    env={**service.environment, "AUTOVOICE__SERVER__PORT": str(port)},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            running.callback(kill, server)
            servers[f"127.0.0.1:{port}"] = server
        service.wait_until_ready()
        for address in servers:
            until(lambda address=address: _answers(f"http://{address}/health"), f"an answer from {address}")
        yield Cluster(running.enter_context(nginx(folder, ports)), service, servers)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


def kill(server: subprocess.Popen[bytes]) -> None:
    """End a web server and its processes at once, as a crash of its machine would."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
    server.wait(10)


def frames(cluster: Cluster, job_id: str, opened: threading.Event | None = None) -> list[dict[str, Any]]:
    """Everything the job's WebSocket tells through nginx, until it is closed."""
    connection = create_connection(f"{cluster.url.replace('http', 'ws')}/ws/conversion/{job_id}", timeout=60)
    found = []
    try:
        while text := connection.recv():
            found.append(json.loads(text))
            if opened is not None:
                opened.set()
    finally:
        connection.close()
    return found


def test_started_watched_polled_and_fetched_through_different_servers(cluster: Cluster) -> None:
    started = cluster.start_song()
    job_id = started["conversion_id"]
    told: list[dict[str, Any]] = []
    watcher = threading.Thread(target=lambda: told.extend(frames(cluster, job_id)))
    watcher.start()
    polled: dict[str, list[str]] = {}

    def completed() -> bool:
        answer = cluster.ask(f"/api/v1/convert/status/{job_id}")
        assert answer.status_code == 200
        polled.setdefault(answer.headers["X-Served-By"], []).append(answer.json()["status"])
        return bool(answer.json()["status"] == "completed")

    until(completed, "the end of the conversion")
    watcher.join(30)

    assert len(polled) >= 2, "the third one, at least, has the WebSocket: nginx gives requests to the least busy"
    assert told[-1]["status"] == "completed"
    assert [frame["progress"] for frame in told] == sorted(frame["progress"] for frame in told)
    assert len({frame["current_stage"] for frame in told}) > 2, "progress came while the song was worked on"
    fetched: dict[str, str] = {}

    def fetched_from_all() -> bool:
        answer = cluster.ask(f"/api/v1/convert/download/{job_id}/converted.wav")
        fetched[answer.headers["X-Served-By"]] = hashlib.sha256(answer.content).hexdigest()
        return len(fetched) == len(cluster.servers)

    # Not simply three times: as long as the WebSocket counts as open, nginx spares the server that has it.
    until(fetched_from_all, "an answer from each server")
    made = (cluster.service.store.get(job_id).result or {})["files"]["converted.wav"]["sha256"]
    assert fetched == dict.fromkeys(cluster.servers, made)


def test_a_part_of_a_file_can_be_fetched_through_nginx(cluster: Cluster) -> None:
    job_id = cluster.start_song()["conversion_id"]
    cluster.service.wait_for(job_id)
    address = f"/api/v1/convert/download/{job_id}/converted.wav"
    part = cluster.ask(address, headers={"Range": "bytes=100-199"})

    assert part.status_code == 206
    assert part.content == cluster.ask(address).content[100:200]


def test_speech_is_heard_while_it_is_made(cluster: Cluster) -> None:
    """nginx must not collect the stream: its first bytes come while the job still runs."""
    text = "One sentence after the other is spoken. " * 20
    with requests.post(
        f"{cluster.url}/v1/audio/speech",
        json={"input": text, "model": "tts-1", "voice": "alloy", "response_format": "pcm"},
        stream=True,
        timeout=60,
    ) as answer:
        assert answer.status_code == 200, answer.text
        pieces = answer.iter_content(None)
        next(pieces)
        [job] = cluster.service.store.list(kinds=("stream",), limit=1)
        state_at_first_byte = job.state
        assert sum(map(len, pieces)) > 0
    assert state_at_first_byte == "processing"


def test_metrics_are_for_this_machine_only(cluster: Cluster) -> None:
    assert "autovoice_vc_requests_total" in cluster.ask("/metrics").text
    with requests.Session() as stranger:
        stranger.mount("http://", _From("127.0.0.2"))
        assert stranger.get(f"{cluster.url}/metrics", timeout=10).status_code == 403
        assert stranger.get(f"{cluster.url}/health", timeout=10).status_code == 200


class _From(HTTPAdapter):
    """Sends requests from another address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **given: Any) -> None:
        super().init_poolmanager(*args, **given, source_address=(self._address, 0))


def test_the_page_and_its_documentation(cluster: Cluster) -> None:
    assert "AutoVoice" in cluster.ask("/").text
    assert cluster.ask("/docs").status_code == 200
    assert cluster.ask("/openapi.json").json()["openapi"].startswith("3.1")


def test_goes_on_when_a_server_is_killed(cluster: Cluster) -> None:
    """Its WebSockets break and are opened anew; no request fails, and nothing of the job is lost."""
    job_id = cluster.start_song()["conversion_id"]
    victim = list(cluster.servers)[1]
    statuses = [cluster.ask(f"/api/v1/convert/status/{job_id}").status_code for _ in range(4)]
    kill(cluster.servers[victim])

    def completed() -> bool:
        answer = cluster.ask(f"/api/v1/convert/status/{job_id}")
        statuses.append(answer.status_code)
        assert victim != answer.headers["X-Served-By"]
        return bool(answer.json()["status"] == "completed")

    until(completed, "the end of the conversion")
    assert set(statuses) == {200}
    assert frames(cluster, job_id)[-1]["status"] == "completed"
    assert cluster.ask(f"/api/v1/convert/download/{job_id}/converted.wav").status_code == 200
    another = cluster.start_song()
    assert another["served_by"].split(", ")[-1] != victim
    assert cluster.service.wait_for(another["conversion_id"]).state == "completed"


def test_what_the_decisions_ask_of_the_configuration() -> None:
    text = SHIPPED.read_text("utf-8")
    assert "client_max_body_size 110M;" in text
    assert "least_conn;" in text
    for location in ("/", "/ws/", "/api/", "/v1/", "/static/", "= /health", "= /metrics"):
        assert re.search(rf"location {re.escape(location)} {{", text), location
