"""WebSockets on a real server: what a client of `/ws/conversion/<id>` sees."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from auto_voice.accounts import Accounts
from auto_voice.jobs.job import new_job_id
from service import until
from web_process import WebServer, web_server

TEXT, CLOSE = websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_CLOSE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server that needs no keys."""
    with web_server(tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server that needs no keys and has three places for sockets."""
    with web_server(tmp_path_factory.mktemp("small"), server__max_websockets=3) as server:
        yield server


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server that needs keys, where pages of one other origin are welcome."""
    with web_server(
        tmp_path_factory.mktemp("locked"),
        security__api_key_required=True,
        security__allowed_origins=["https://studio.example"],
    ) as server:
        yield server


def key_of(server: WebServer, username: str) -> dict[str, str]:
    accounts = Accounts(server.store.database)
    accounts.create_user(username, "user")
    return {"X-API-Key": accounts.issue_key(username)}


def frame(connection: websocket.WebSocket) -> dict[str, Any]:
    opcode, data = connection.recv_data()
    assert opcode == TEXT, data
    return dict(json.loads(data))


def closing(connection: websocket.WebSocket) -> tuple[list[dict[str, Any]], int]:
    """The frames until the socket is closed, and the code it is closed with.

    It sends no goodbye of its own, which a server that has closed already may not take any more.
    """
    frames = []
    while (received := connection.recv_frame()).opcode != CLOSE:
        if received.opcode == TEXT:
            frames.append(json.loads(received.data))
    return frames, int.from_bytes(received.data[:2], "big")


def refusal(connection: websocket.WebSocket) -> tuple[str, int]:
    """Why a socket was refused: the error's code, and the one it was closed with."""
    frames, code = closing(connection)
    assert [each["type"] for each in frames] == ["error"]
    return frames[0]["error"]["code"], code


def test_a_job_is_followed_from_its_snapshot_to_its_end(server: WebServer) -> None:
    job = server.job()
    connection = server.watch(job.job_id)
    first = frame(connection)
    assert (first["type"], first["conversion_id"], first["status"]) == ("progress", job.job_id, "queued")
    assert first["queue_position"] >= 1
    assert first["timestamp"].endswith("Z")

    claimed = server.store.claim("worker", "batch")
    assert claimed is not None
    server.store.report(claimed, 60.0, "voice_conversion")
    while (seen := frame(connection))["progress"] < 60:
        pass
    assert (seen["status"], seen["current_stage"]) == ("processing", "voice_conversion")
    assert seen["stage_details"] == {
        "stage": 3,
        "total_stages": 4,
        "stage_name": "voice_conversion",
        "stage_progress": 50,
    }

    server.store.complete(claimed, {"attempt": 1, "files": {}})
    frames, code = closing(connection)
    assert (frames[-1]["type"], frames[-1]["status"], frames[-1]["progress"]) == ("completed", "completed", 100)
    assert "result" in frames[-1]
    assert code == 1000


def test_a_change_is_told_within_half_a_second_and_silence_lasts_two_at_most(server: WebServer) -> None:
    job = server.job()
    connection = server.watch(job.job_id)
    times = [time.monotonic() for _ in range(4) if frame(connection)]
    assert max(later - earlier for earlier, later in pairwise(times)) < 2.0

    server.store.cancel(job.job_id)
    cancelled = time.monotonic()
    frames, _ = closing(connection)
    assert time.monotonic() - cancelled < 1.0
    assert (frames[-1]["type"], frames[-1]["status"], frames[-1]["error"]["code"]) == (
        "error",
        "cancelled",
        "cancelled",
    )


def test_who_comes_late_is_told_the_end_and_nothing_else(server: WebServer) -> None:
    job = server.job()
    claimed = server.store.claim("worker", "batch")
    assert claimed is not None and claimed.job_id == job.job_id
    error = {"code": "separation_failed", "message": "No vocals.", "details": {"suggestions": []}}
    server.store.fail(claimed, error)

    frames, code = closing(server.watch(job.job_id))
    assert [(each["type"], each["status"], each["error"]["code"]) for each in frames] == [
        ("error", "failed", "separation_failed")
    ]
    assert code == 1000


NOBODYS_JOB = "conv-770e8400-e29b-41d4-a716-446655440002"


@pytest.mark.parametrize("job_id", ["test-id", NOBODYS_JOB, "%00", "x" * 3000, "%c3%a9"])
def test_an_unknown_job_is_told_so_and_closed_with_4404(server: WebServer, job_id: str) -> None:
    assert refusal(server.watch(job_id)) == ("conversion_not_found", 4404)


def test_beyond_the_cap_sockets_are_refused_and_requests_go_on(small: WebServer) -> None:
    job = small.job()
    open_ones = [_in_a_free_place(small, job.job_id) for _ in range(3)]
    assert refusal(small.watch(job.job_id)) == ("service_unavailable", 1013)
    assert requests.get(f"{small.url}/ready", timeout=5).ok

    for each in open_ones:
        each.close()
    _in_a_free_place(small, job.job_id)


def test_a_client_that_vanishes_frees_its_place(small: WebServer) -> None:
    job = small.job()
    for _ in range(9):  # thrice as many as there are places
        connection = _in_a_free_place(small, job.job_id)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sock.close()  # by RST, without a goodbye


def _in_a_free_place(server: WebServer, job_id: str) -> websocket.WebSocket:
    """A socket that watches the job, as soon as the server has noticed that an earlier one is gone."""

    def opened() -> websocket.WebSocket | None:
        connection = server.watch(job_id)
        return connection if frame(connection)["type"] == "progress" else None

    return until(opened, "a free place", 10)


def test_what_a_client_sends_is_not_kept(server: WebServer) -> None:
    job = server.job()
    connection = server.watch(job.job_id)
    for _ in range(200):
        connection.send("x" * 4000)
    server.store.cancel(job.job_id)
    assert closing(connection)[1] == 1000


def test_a_long_message_closes_the_socket(server: WebServer) -> None:
    connection = server.watch(server.job().job_id)
    connection.send("x" * 5_000)
    assert closing(connection)[1] == 1009


@pytest.mark.parametrize(
    "headers",
    [
        "Sec-WebSocket-Version: 13\r\n",  # no key
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",  # no version
        "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 99\r\n",
    ],
)
def test_a_bad_handshake_is_answered_in_http(server: WebServer, headers: str) -> None:
    upgrade = "GET /ws/conversion/x HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    with server.raw() as connection:
        connection.sendall(f"{upgrade}{headers}Origin: http://localhost\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"}\n"):
            answer += connection.recv(4096)
    assert answer.split(b"\r\n")[0] in (b"HTTP/1.1 400 BAD REQUEST", b"HTTP/1.1 426 Upgrade Required"), answer
    assert b'"code":"invalid_parameters"' in answer


def test_a_plain_request_is_told_that_this_is_a_websocket(server: WebServer) -> None:
    answer = requests.get(f"{server.url}/ws/conversion/{new_job_id()}", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")


def test_a_key_in_a_header_opens_ones_own_jobs_only(locked: WebServer) -> None:
    ada, bob = key_of(locked, "ada"), key_of(locked, "bob")
    job = locked.job("ada")
    assert frame(locked.watch(job.job_id, header=ada))["status"] == "queued"
    assert frame(locked.watch(job.job_id, header={"Authorization": f"Bearer {ada['X-API-Key']}"}))["status"] == "queued"
    assert refusal(locked.watch(job.job_id, header=bob)) == ("conversion_not_found", 4404)
    assert refusal(locked.watch(job.job_id)) == ("unauthorized", 4401)
    assert refusal(locked.watch(job.job_id, header={"X-API-Key": "av_nobody_x"})) == ("unauthorized", 4401)
    assert refusal(locked.watch(new_job_id(), header=ada)) == ("conversion_not_found", 4404)


def test_a_ticket_opens_one_socket_once(locked: WebServer) -> None:
    carol = key_of(locked, "carol")
    job, other = locked.job("carol"), locked.job("carol")

    def ticket() -> dict[str, Any]:
        answer = requests.post(
            f"{locked.url}/api/v1/ws/ticket", json={"conversion_id": job.job_id}, headers=carol, timeout=5
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    given = ticket()
    assert given["expires_in_seconds"] == 60
    assert given["websocket_url"] == f"{locked.socket_url}/ws/conversion/{job.job_id}?ticket={given['ticket']}"
    assert frame(websocket.create_connection(given["websocket_url"], timeout=15))["conversion_id"] == job.job_id
    assert refusal(websocket.create_connection(given["websocket_url"], timeout=15)) == ("unauthorized", 4401)

    assert refusal(locked.watch(other.job_id, f"?ticket={ticket()['ticket']}")) == ("unauthorized", 4401)
    assert refusal(locked.watch(job.job_id, "?ticket=avt_wrong")) == ("unauthorized", 4401)
    assert given["ticket"] not in locked.log.read_text()


def test_tickets_are_for_ones_own_jobs(locked: WebServer) -> None:
    dave, job = key_of(locked, "dave"), locked.job("ada")
    for headers, expected in ((dave, 404), ({}, 401)):
        answer = requests.post(
            f"{locked.url}/api/v1/ws/ticket", json={"conversion_id": job.job_id}, headers=headers, timeout=5
        )
        assert answer.status_code == expected


@pytest.mark.parametrize("origin", ["https://evil.example", "https://studio.example.evil.example", "null", "http://["])
def test_pages_of_foreign_origins_are_refused_before_the_handshake(locked: WebServer, origin: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        locked.watch(new_job_id(), origin=origin)
    assert refused.value.status_code == 403


def test_our_own_pages_and_allowed_ones_may_watch(locked: WebServer) -> None:
    headers, job = key_of(locked, "eve"), locked.job("eve")
    for origin in (locked.url, "https://studio.example"):
        assert frame(locked.watch(job.job_id, header=headers, origin=origin))["status"] == "queued"


def test_health_stays_fast_beside_a_hundred_sockets(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        jobs = [server.job() for _ in range(20)]
        with ThreadPoolExecutor(20) as pool:
            connections = list(pool.map(lambda number: server.watch(jobs[number % 20].job_id), range(100)))
            list(pool.map(frame, connections))
        seconds = []
        with requests.Session() as session:
            for _ in range(100):
                begun = time.perf_counter()
                assert session.get(f"{server.url}/health", timeout=10).ok
                seconds.append(time.perf_counter() - begun)
        print(f"\n/health beside 100 sockets: median {sorted(seconds)[50]:.4f} s, p99 {sorted(seconds)[98]:.4f} s")
        assert sorted(seconds)[90] < 0.1

        claimed = server.store.claim("worker", "batch")
        assert claimed is not None
        server.store.complete(claimed, {"attempt": 1, "files": {}})
        watching = [each for number, each in enumerate(connections) if jobs[number % 20].job_id == claimed.job_id]
        assert [closing(each)[1] for each in watching] == [1000] * 5


def test_a_process_that_ends_sends_its_watchers_away(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        connections = [server.watch(server.job().job_id) for _ in range(5)]
        for each in connections:
            frame(each)
        server.process.terminate()
        assert [closing(each)[1] for each in connections] == [1001] * 5
        for each in connections:
            each.close()
        assert server.process.wait(20) == 0
