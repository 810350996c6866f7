"""What our web process does otherwise than gunicorn's."""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import struct
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn, ThreadWorker

from auto_voice.web import gunicorn_worker
from auto_voice.web.gunicorn_worker import ServiceLog, Worker
from auto_voice.web.request_head import Head


@pytest.fixture
def line() -> Iterator[tuple[TConn, socket.socket]]:
    """A connection as gunicorn has it, and the client's end of it."""
    ours, theirs = socket.socketpair()
    connection = TConn(Config(), ours, None, None)
    connection.head = Head.THERE
    yield connection, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def worker() -> Worker:
    worker: Worker = Worker.__new__(Worker)
    worker.nr_conns = 1
    return worker


def test_a_client_that_sends_nothing_is_not_waited_for_without_end(
    worker: Worker, line: tuple[TConn, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading(self: ThreadWorker, conn: TConn) -> Any:
        conn.sock.setblocking(True)
        return conn.sock.recv(1)

    monkeypatch.setattr(ThreadWorker, "handle", reading)
    monkeypatch.setattr(gunicorn_worker, "_PATIENCE", struct.pack("ll", 0, 50_000))
    with pytest.raises(BlockingIOError):
        worker.handle(line[0])


def test_a_connection_that_is_done_is_closed_by_the_pool_and_counted_once(
    worker: Worker, line: tuple[TConn, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThreadWorker, "handle", lambda self, conn: False)
    line[1].shutdown(socket.SHUT_WR)
    done: Future[Any] = Future()
    done.set_result(worker.handle(line[0]))
    assert line[0].sock.fileno() == -1
    worker.finish_request(line[0], done)
    assert worker.nr_conns == 0


def test_a_connection_that_somebody_closed_already_is_counted_once_too(
    worker: Worker, line: tuple[TConn, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closing(self: ThreadWorker, conn: TConn) -> bool:
        conn.sock.close()
        return False

    monkeypatch.setattr(ThreadWorker, "handle", closing)
    done: Future[Any] = Future()
    done.set_result(worker.handle(line[0]))
    worker.finish_request(line[0], done)
    assert worker.nr_conns == 0


def test_where_no_more_files_may_be_open_who_only_waits_makes_room(
    worker: Worker, line: tuple[TConn, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def accepting(self: ThreadWorker, listener: socket.socket) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(ThreadWorker, "accept", accepting)
    monkeypatch.setattr(gunicorn_worker, "_FULL_PAUSE_SECONDS", 0.0)
    worker.poller, worker.keepalived_conns, worker.pending_conns = selectors.DefaultSelector(), deque(), deque()
    worker.enqueue_req(line[0])
    assert list(worker.pending_conns) == [line[0]]
    worker.accept(socket.socket())
    assert (line[1].recv(1), worker.nr_conns, len(worker.pending_conns)) == (b"", 0, 0)
    worker.accept(socket.socket())  # nobody is there who could make room
    worker.poller.close()


@pytest.mark.parametrize(
    ("error", "level"), [(BlockingIOError(), None), (ConnectionResetError(), None), (ValueError("a bug"), "ERROR")]
)
def test_a_client_that_goes_away_is_no_error_of_ours(
    caplog: pytest.LogCaptureFixture, error: Exception, level: str | None
) -> None:
    log = ServiceLog(Config())
    with caplog.at_level(logging.WARNING):
        try:
            raise error
        except Exception:
            log.exception("Socket error processing request.")
    assert [record.levelname for record in caplog.records] == ([level] if level else [])
