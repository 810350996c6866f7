"""Whether the service still answers at once while it works and many look on.

    python benchmarks/service_load.py [--sockets N] [--clients N] [--preset NAME] [--json FILE]

Two real songs of 40 s are converted by two workers. Meanwhile 100 WebSockets follow them, 50 clients ask for their
status once a second, and `/health` is asked for 20 times a second; the clients run in processes of their own. Times
are those that a client waits.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import requests
from rich.console import Console
from rich.table import Table
from websocket import WebSocketException, create_connection

from _recordings import SONGS, data_folder
from _service import Service, running_service

READER = "1688"
HEALTH_SECONDS = 0.05
STATUS_SECONDS = 1.0
WANTED_P99_MS = 100.0
WANTED_GAP_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """What clients of one kind saw: milliseconds of each wait, and what failed."""

    what: str
    waits: list[float]
    failed: int

    def percentile(self, share: float) -> float:
        """Milliseconds that this share (0–100) of the waits was below."""
        return float(np.percentile(self.waits, share)) if self.waits else 0.0


class Client:
    """One that asks an address again and again, keeping the connection open as browsers do."""

    def __init__(self, url: str, pause: float) -> None:
        self._session = requests.Session()
        self._url = url
        self._pause = pause
        self.waits: list[float] = []
        self.failed = 0

    def ask_until(self, ended: Callable[[], bool]) -> Client:
        """Ask at the given pace until there is no more need to."""
        while not ended():
            begun = time.perf_counter()
            try:
                self.failed += self._session.get(self._url, timeout=30).status_code != 200
            except requests.RequestException:
                self.failed += 1
            took = time.perf_counter() - begun
            self.waits.append(1000 * took)
            time.sleep(max(0.0, self._pause - took))
        return self


def poll(urls: list[str], ended: threading.Event) -> Row:
    """All polling clients, in a process of their own."""
    with ThreadPoolExecutor(len(urls)) as pool:
        clients = list(pool.map(lambda url: Client(url, STATUS_SECONDS).ask_until(ended.is_set), urls))
    return Row(
        what="status",
        waits=[wait for client in clients for wait in client.waits],
        failed=sum(client.failed for client in clients),
    )


def watch(urls: list[str]) -> Row:
    """All WebSockets, in a process of their own; their waits are those for the next frame."""
    with ThreadPoolExecutor(len(urls)) as pool:
        seen = list(pool.map(follow, urls))
    return Row(
        what="frames", waits=[wait for waits, _ in seen for wait in waits], failed=sum(not good for _, good in seen)
    )


def follow(url: str) -> tuple[list[float], bool]:
    """One WebSocket from its beginning to its job's end: milliseconds between frames, and whether it ended well."""
    waits: list[float] = []
    try:
        with contextlib.closing(create_connection(url, timeout=60)) as socket:
            kind = "progress"
            while kind == "progress":
                begun = time.perf_counter()
                kind = json.loads(socket.recv())["type"]
                waits.append(1000 * (time.perf_counter() - begun))
    except (OSError, ValueError, WebSocketException):
        return waits, False
    return waits, kind == "completed"


def measure(service: Service, jobs: list[str], sockets: int, clients: int) -> list[Row]:
    """Look on in every way until the jobs are done."""
    where = service.url.replace("http://", "ws://")
    followed = [f"{where}/ws/conversion/{jobs[number % len(jobs)]}" for number in range(sockets)]
    polled = [f"{service.url}/api/v1/convert/status/{jobs[number % len(jobs)]}" for number in range(clients)]
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(2, spawn) as pool:
        ended = manager.Event()
        watching, polling = pool.submit(watch, followed), pool.submit(poll, polled, ended)
        health = Client(f"{service.url}/health", HEALTH_SECONDS).ask_until(watching.done)
        ended.set()
        return [Row(what="/health", waits=health.waits, failed=health.failed), polling.result(), watching.result()]


def show(rows: list[Row], title: str) -> None:
    """One table."""
    table = Table(title=title)
    for name in ("", "answers", "median ms", "p95 ms", "p99 ms", "most ms", "failed"):
        table.add_column(name, justify="right" if name else "left")
    for row in rows:
        figures = [f"{row.percentile(share):.1f}" for share in (50, 95, 99, 100)]
        table.add_row(row.what, str(len(row.waits)), *figures, str(row.failed))
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="the service under load")
    parser.add_argument("--sockets", type=int, default=100, help="open WebSockets")
    parser.add_argument("--clients", type=int, default=50, help="polling clients")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    data = data_folder()
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder), workers=2) as service:
        voice = service.clone(sorted((data / "speech" / "librispeech-test-other" / READER).glob("*.flac")))
        songs = [data / "songs" / name / "mix.flac" for name in SONGS[:2]]
        jobs = [service.convert(song, voice, quality_preset=arguments.preset, use_cache="false") for song in songs]
        while not all(service.status(job)["status"] == "processing" for job in jobs):
            time.sleep(HEALTH_SECONDS)
        rows = measure(service, jobs, arguments.sockets, arguments.clients)
    show(rows, f"{arguments.sockets} WebSockets and {arguments.clients} polling clients while two songs are converted")
    p99, failed = rows[0].percentile(99), sum(row.failed for row in rows)
    gap = rows[2].percentile(100) / 1000
    if arguments.json:
        summary = {"health_p99_ms": p99, "failed": failed, "longest_gap_seconds": gap}
        arguments.json.write_text(json.dumps({**summary, "rows": [asdict(row) for row in rows]}, indent=2))
    print(
        f"service under load: /health p99 {p99:.1f} ms (wanted < {WANTED_P99_MS:.0f}); failed {failed} (wanted 0);"
        f" longest wait for a frame {gap:.2f} s (wanted < {WANTED_GAP_SECONDS:g})"
    )


if __name__ == "__main__":
    main()
