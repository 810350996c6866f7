"""Whether a request's head is there, told without taking a byte of it."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from auto_voice.web.request_head import LARGEST_BYTES, Head, look

WHOLE = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: our end and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def readable(connection: socket.socket, seconds: float = 5.0) -> bool:
    return bool(select.select([connection], [], [], seconds)[0])


def test_a_head_is_waited_for_until_it_is_whole_and_nothing_of_it_is_taken(
    line: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = line
    assert look(ours, b"") is Head.COMING
    theirs.sendall(WHOLE[:10])
    assert readable(ours)
    assert look(ours, b"") is Head.COMING
    assert not readable(ours, 0.05), "what was seen already wakes nobody"
    theirs.sendall(WHOLE[10:])
    assert readable(ours)
    assert look(ours, b"") is Head.THERE
    assert ours.recv(1) == WHOLE[:1], "one byte is enough to be read again"
    assert ours.recv(100) == WHOLE[1:]


def test_what_was_read_with_an_earlier_request_counts(line: tuple[socket.socket, socket.socket]) -> None:
    assert look(line[0], WHOLE) is Head.THERE
    assert look(line[0], WHOLE[:-2]) is Head.COMING
    line[1].sendall(WHOLE[-2:])
    assert readable(line[0])
    assert look(line[0], WHOLE[:-2]) is Head.THERE


@pytest.mark.parametrize("said", [b"", WHOLE[:10]])
def test_a_client_that_ends_in_the_middle_is_gone(line: tuple[socket.socket, socket.socket], said: bytes) -> None:
    ours, theirs = line
    theirs.sendall(said)
    assert not said or readable(ours)
    assert look(ours, b"") is Head.COMING
    theirs.shutdown(socket.SHUT_WR)
    assert readable(ours)
    assert look(ours, b"") is Head.GONE


@pytest.mark.parametrize(
    ("said", "head"),
    [
        (b"\r\n\r\nGET / HTTP/1.1\r\n", Head.COMING),  # empty lines before a request end no head
        (b"hello\n", Head.THERE),  # no HTTP, which is said at once
        (b"a" * LARGEST_BYTES, Head.TOO_LARGE),
    ],
)
def test_what_never_becomes_a_request(line: tuple[socket.socket, socket.socket], said: bytes, head: Head) -> None:
    assert look(line[0], said) is head
