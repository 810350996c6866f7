"""The web server's processes: how they start, stop, reload, and bear clients that behave badly."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from service import until
from simple_engines import song, wav
from web_process import WebServer, web_server, write_settings

BOUNDARY = "frontier"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with web_server(tmp_path_factory.mktemp("server"), server__threads=8) as server:
        yield server


def temporaries(server: WebServer) -> list[Path]:
    return [file for file in server.settings.storage.temp_dir.glob("*") if file.is_file()]


def part(name: str, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()


def form_head(length: int | None, path: str = "/api/v1/convert/song") -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{size}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()


def answered(connection: socket.socket) -> bytes:
    """The answer with its JSON body, whether or not the connection stays open."""
    found = b""
    while not found.endswith(b"}\n"):
        found += connection.recv(65536)
    return found


def everything(connection: socket.socket) -> bytes:
    found = b""
    while data := connection.recv(65536):
        found += data
    return found


def test_a_client_that_vanishes_in_the_middle_of_an_upload_leaves_nothing(server: WebServer) -> None:
    connection = server.raw()
    connection.sendall(form_head(50 * MEGABYTE) + part("song", "song.wav") + b"x" * MEGABYTE)
    until(lambda: temporaries(server), "the upload to begin", 10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    until(lambda: not temporaries(server), "the file to be removed", 10)


def test_uploads_do_not_pass_through_memory(server: WebServer) -> None:
    process = psutil.Process(server.web_pids()[0])
    before = process.memory_info().rss
    with server.raw() as connection:
        connection.sendall(form_head(90 * MEGABYTE) + part("song", "song.wav"))
        for _ in range(80):
            connection.sendall(b"\0" * MEGABYTE)
        until(lambda: temporaries(server), "the upload to begin", 10)
        assert process.memory_info().rss - before < 20 * MEGABYTE
    until(lambda: not temporaries(server), "the file to be removed", 10)


def test_a_file_over_the_limit_is_refused_and_removed(server: WebServer) -> None:
    with server.raw() as connection:
        connection.sendall(form_head(None))
        chunks = [part("song", "song.wav"), *[b"\0" * MEGABYTE] * 104]
        try:
            for chunk in chunks:
                connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        except ConnectionError:
            pass  # it has said what it thinks of this, and listens no more
        answer = answered(connection)
    assert answer.startswith(b"HTTP/1.1 413 ") and b'"code":"file_too_large"' in answer
    assert not temporaries(server)


def test_a_body_that_says_it_is_too_large_is_not_read(server: WebServer) -> None:
    with server.raw() as connection:
        connection.sendall(form_head(10 * 1024 * MEGABYTE))
        answer = answered(connection)
    assert answer.startswith(b"HTTP/1.1 413 ") and b'"code":"file_too_large"' in answer


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 101 + b"\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_with_the_error_document(
    server: WebServer, request_text: bytes, status: int
) -> None:
    with server.raw() as connection:
        connection.sendall(request_text)
        head, _, body = everything(connection).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert set(json.loads(body)) == {"error", "code", "message", "details"}


@pytest.mark.parametrize("host", ["[", "a b", "[::1", "", "evil.example", "localhost.evil.example"])
def test_odd_host_names_are_refused(server: WebServer, host: str) -> None:
    with server.raw() as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = everything(connection)
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 403"), answer


def test_clients_that_never_close_their_side_hold_up_nobody(server: WebServer) -> None:
    idle = [server.raw() for _ in range(6)]
    for each in idle:
        each.sendall(b"GET /ready HTTP/1.0\r\nHost: localhost\r\n\r\n")
    for each in idle:
        assert each.recv(4096)
    begun = time.monotonic()
    assert requests.get(f"{server.url}/ready", timeout=10).ok
    assert time.monotonic() - begun < 1.0
    for each in idle:
        each.close()


def test_clients_that_never_finish_a_request_s_head_hold_up_nobody(server: WebServer) -> None:
    threads = server.settings.server.threads + server.settings.server.max_websockets
    slow = [server.raw() for _ in range(threads + 20)]
    for number, each in enumerate(slow):
        # The second kind is read together with a whole request before it.
        each.sendall(
            b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n" * (number % 2) + b"GET /ready HTTP/1.1\r\nX-Slow: "
        )
    for _ in range(3):
        for each in slow:
            each.sendall(b"a")
        begun = time.monotonic()
        assert requests.get(f"{server.url}/ready", timeout=10).ok
        assert time.monotonic() - begun < 2.0
    slow[0].sendall(b"\r\nHost: localhost\r\n\r\n")
    assert slow[0].recv(4096).startswith(b"HTTP/1.1 200")
    for each in slow:
        each.close()


def test_a_head_without_end_is_refused(server: WebServer) -> None:
    with server.raw() as connection:
        connection.sendall(b"GET /ready HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 4000) for i in range(20)))
        assert everything(connection).startswith(b"HTTP/1.1 431")


def test_each_request_leaves_one_line_without_what_the_client_wrote(server: WebServer) -> None:
    headers = {"X-Request-ID": "trace-17", "Authorization": "Bearer av_abc_verysecret"}
    answer = requests.get(f"{server.url}/api/v1/convert/jobs?user_id=someone-private", headers=headers, timeout=10)
    assert answer.headers["X-Request-ID"] == "trace-17"
    lines = [line for line in server.log.read_text().splitlines() if "trace-17" in line]
    assert len(lines) == 1
    assert "/api/v1/convert/jobs" in lines[0]
    assert "private" not in server.log.read_text() and "verysecret" not in server.log.read_text()


def test_it_stops_when_it_is_told_to_and_leaves_no_file_in_the_folder(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        pids = server.web_pids()
        assert server.stop() == 0
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        assert {file.name for file in tmp_path.iterdir()} == {"config.yaml", "server.log", "data"}
        assert not list(Path.home().glob(".gunicorn"))
        with pytest.raises(ConnectionRefusedError):
            server.raw()


def test_a_running_request_may_end_when_it_stops(tmp_path: Path) -> None:
    body = part("song", "s.wav") + wav(song(10.0)) + f"\r\n--{BOUNDARY}--\r\n".encode()
    with web_server(tmp_path, server__shutdown_timeout=60) as server, server.raw() as connection:
        connection.sendall(form_head(len(body)) + body[: len(body) // 2])
        until(lambda: temporaries(server), "the upload to begin", 10)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not _accepts(server), "the address to be free", 10)
        connection.sendall(body[len(body) // 2 :])
        assert everything(connection).startswith(b"HTTP/1.1 400 ")  # no voice was named; it was read to its end
        assert server.process.wait(60) == 0


def _accepts(server: WebServer) -> bool:
    try:
        server.raw().close()
    except ConnectionRefusedError:
        return False
    return True


def test_sighup_takes_over_what_changed_and_keeps_serving(tmp_path: Path) -> None:
    with web_server(tmp_path, security__api_key_required=False) as server:
        before = server.web_pids()
        assert requests.get(f"{server.url}/api/v1/convert/jobs", timeout=10).status_code == 200
        values = json.loads(server.config.read_text())

        server.config.write_text(json.dumps({**values, "no_such_section": {}}))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "the settings stay as they were" in server.log.read_text(), "the refusal", 15)
        until(lambda: server.web_pids() != before and len(server.web_pids()) == 1, "new processes", 15)
        assert requests.get(f"{server.url}/api/v1/convert/jobs", timeout=10).status_code == 200

        values["security"]["api_key_required"] = True
        server.config.write_text(json.dumps(values))
        server.process.send_signal(signal.SIGHUP)
        until(
            lambda: requests.get(f"{server.url}/api/v1/convert/jobs", timeout=10).status_code == 401,
            "the new settings",
            15,
        )
        assert server.process.poll() is None


def test_several_web_processes_count_together_are_replaced_and_do_not_outlive_the_first(tmp_path: Path) -> None:
    with web_server(tmp_path, server__workers=2) as server:
        until(lambda: len(server.web_pids()) == 2, "two processes")
        for _ in range(10):
            requests.get(f"{server.url}/openapi.json", timeout=10)
        text = requests.get(f"{server.url}/metrics", timeout=10).text
        assert 'autovoice_http_requests_total{endpoint="/openapi.json",status="200"} 10.0' in text

        killed = server.web_pids()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in server.web_pids() and len(server.web_pids()) == 2, "its successor", 20)

        orphans = server.web_pids()
        with server.raw():  # an idle connection does not hold them
            server.process.kill()
            server.process.wait(10)
            until(lambda: not _accepts(server), "the address to be free", 5)
            until(lambda: not [pid for pid in orphans if psutil.pid_exists(pid)], "the processes to end", 10)


def test_many_clients_are_served_at_once(server: WebServer) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: requests.get(f"{server.url}/ready", timeout=20).status_code, range(300)))
    assert answers == [200] * 300


@pytest.mark.parametrize(
    ("values", "told", "code"),
    [
        ({"server__port": "x"}, "server.port", 4),
        ({"server__host": "0.0.0.0", "security__api_key_required": False}, "allow_insecure", 4),
        ({"storage__data_dir": "/proc/nothing"}, "storage", None),
    ],
)
def test_why_it_does_not_start_is_said_in_words(
    tmp_path: Path, values: dict[str, object], told: str, code: int | None
) -> None:
    config = tmp_path / "config.yaml"
    write_settings(config, {"storage__data_dir": str(tmp_path / "data"), **values})
    ended = subprocess.run(
        [sys.executable, "-m", "auto_voice.web.server"],
        env={**os.environ, "AUTOVOICE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code if code else ended.returncode != 0
    assert told in ended.stderr or code is None
    assert "Traceback" not in ended.stderr, ended.stderr
