"""Whether the head of a request, its line and headers, has arrived: found out without waiting and without taking it."""

from __future__ import annotations

import socket
from enum import Enum, auto

LARGEST_BYTES = 64 << 10


class Head(Enum):
    """How far the head of a connection's next request is.

    Attributes:
        COMING: not all of it is there. The socket becomes readable when there is more.
        THERE: it can be read to its end without waiting, or to where it is no HTTP.
        TOO_LARGE: more than LARGEST_BYTES, and no end.
        GONE: the client ended the connection before it was whole.
    """

    COMING = auto()
    THERE = auto()
    TOO_LARGE = auto()
    GONE = auto()


def look(connection: socket.socket, already_read: bytes) -> Head:
    """Look at what has arrived.

    Args:
        connection: its `SO_RCVLOWAT` is this function's own: one more than what was seen there before.
        already_read: what came with an earlier request and was read with that.
    """
    try:
        seen = connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) - 1
        arrived = connection.recv(LARGEST_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        head = _judge(already_read + arrived)
        if head is Head.COMING and len(arrived) <= seen:
            return Head.GONE  # readable, with nothing new to read
    except BlockingIOError:
        arrived, head = b"", _judge(already_read)
    except OSError:
        return Head.GONE
    waited_for = len(arrived) + 1 if head is Head.COMING else 1
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, waited_for)
    return head


def _judge(data: bytes) -> Head:
    # gunicorn refuses a line that ends in LF alone as soon as it reads it.
    if b"\r\n\r\n" in data.lstrip(b"\r\n") or data.count(b"\n") != data.count(b"\r\n"):
        return Head.THERE
    return Head.COMING if len(data) < LARGEST_BYTES else Head.TOO_LARGE
