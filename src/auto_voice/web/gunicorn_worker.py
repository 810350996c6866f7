"""gunicorn's threaded process, with patience that ends and connections that are closed where nobody waits for it."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import selectors
import socket
import struct
import sys
import time
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from auto_voice.errors import AutoVoiceError, InvalidParametersError
from auto_voice.web.errors import error_document
from auto_voice.web.request_head import Head, look

_PATIENCE_SECONDS = 60
_PATIENCE = struct.pack("ll", _PATIENCE_SECONDS, 0)

_HEAD_SECONDS = 10.0
"""How long a client has for the head of a request: its line and headers."""
_FULL_PAUSE_SECONDS = 0.05


_PARSE_STATUSES = {LimitRequestLine: 414, LimitRequestHeaders: 431}


class Worker(ThreadWorker):  # type: ignore[misc]
    """One web process: a thread that accepts, and a pool of threads that answer.

    A connection gets one of the pool's threads when the whole head of a request is there. Those that are waited for
    take no thread, so clients that say nothing, or say it a byte at a time, hold up nobody.
    """

    alive: bool

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection. Where the process may have no more files open, one that only waits makes room."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if not self._make_room():
                time.sleep(_FULL_PAUSE_SECONDS)

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to the pool when the head of its next request is there; until then it is watched."""
        if not self._can_go_on(conn):
            conn.timeout = time.monotonic() + _HEAD_SECONDS
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._more_came, conn))

    def _more_came(self, conn: TConn, client: socket.socket) -> None:
        # A connection that still waits keeps its place among them: the time it has does not begin anew.
        self.poller.unregister(client)
        if self._can_go_on(conn):
            self.pending_conns.remove(conn)
        else:
            self.poller.register(client, selectors.EVENT_READ, partial(self._more_came, conn))

    def _can_go_on(self, conn: TConn) -> bool:
        """Hand the connection to the pool, or close it, if it is time for either."""
        head = look(conn.sock, conn.parser.unreader.buf.getvalue() if conn.parser else b"")
        if head is Head.COMING:
            return False
        if head is Head.GONE:
            self._close(conn)
        else:
            conn.data_ready = True
            conn.head = head
            super().enqueue_req(conn)
        return True

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def _make_room(self) -> bool:
        """Close the connection that has been waited for the longest. Returns whether there is one."""
        for waiting in (self.pending_conns, self.keepalived_conns):
            if waiting:
                conn = waiting.popleft()
                self.poller.unregister(conn.sock)
                self._close(conn)
                return True
        return False

    def handle(self, conn: TConn) -> Any:
        """Serve the connection's next request. A client that neither sends nor reads loses its connection.

        The end of a connection takes until the client has closed its side, or two seconds. gunicorn waits for that
        in its one accepting thread, where a few idle clients would hold up everybody; here it is done by the pool.
        """
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, direction, _PATIENCE)
        if conn.head is Head.TOO_LARGE:
            conn.sock.setblocking(True)
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("no end"))
            outcome = False
        else:
            outcome = super().handle(conn)
        if outcome is False:
            with contextlib.suppress(OSError):
                conn.close(graceful=True)
        return outcome

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Count a connection that `handle` closed as gone; gunicorn does the rest."""
        if not fs.cancelled() and fs.exception() is None and fs.result() is False:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Answer what never became a request of the app's with the API's error document."""
        error: AutoVoiceError
        if isinstance(exc, ParseException):
            error = InvalidParametersError("That is no HTTP request, or its line or headers are too long.")
            status = _PARSE_STATUSES.get(type(exc), 400)
        else:
            self.log.exception("a request could not be handled")
            error, status = AutoVoiceError("Something unexpected went wrong; the log says what."), 500
        body = json.dumps(error_document(error)).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            client.sendall(head.encode() + body)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Where there is no place for more connections, those that only wait make room.

        When the process begins to end, let go of the address at once: who connects then is served by others.
        """
        if not enabled and self.alive and self._make_room():
            return
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def is_parent_alive(self) -> bool:
        """Without gunicorn's first process this one ends as if it had been told to."""
        self.alive = self.alive and super().is_parent_alive()
        return bool(self.alive)


class ServiceLog(Logger):  # type: ignore[misc]
    """gunicorn's messages in the service's log. Requests are logged by `request_log`, which knows what to leave out."""

    def setup(self, cfg: Any) -> None:
        """Use the handlers that are there."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """An unexpected error; that a client's patience with us, or ours with it, came to an end is none."""
        if isinstance(sys.exc_info()[1], BlockingIOError | TimeoutError | ConnectionError):
            self.debug(msg, *args)
        else:
            super().exception(msg, *args, **kwargs)
