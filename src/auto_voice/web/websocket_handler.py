"""`/ws/conversion/<id>`: how a job stands, as it changes, until it ends.

A socket is told the job's state when it is opened, then every change, and something every two seconds at least. After
the frame of the final state it is closed. What a client sends is not read.

A refused socket is opened, told why in a frame of type `error`, and closed: with 4401 where the key or ticket is
missing or wrong, 4404 where there is no such job for this caller, 1013 where the process has no place left, 1011 where
something is broken. One from a web page of a foreign origin is refused before it is opened, with 403.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from typing import Any, cast

from flask import Blueprint, Flask, current_app, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from wsproto.utilities import RemoteProtocolError

from auto_voice.config import Settings
from auto_voice.errors import AutoVoiceError, InvalidParametersError, ServiceUnavailableError
from auto_voice.monitoring.metrics import socket_closed, socket_failed, socket_opened
from auto_voice.web import auth, headers
from auto_voice.web.job_watch import Frame, JobWatch, error_frame, job_frame
from auto_voice.web.jobs import visible_job
from auto_voice.web.limits import unlimited

_LOG = logging.getLogger(__name__)

PING_SECONDS = 25
_SEND_SECONDS = 10
"""How long a client that does not read is waited for."""
_MESSAGE_BYTES = 4096
_CLOSE_CODES = {401: 4401, 403: 4401, 404: 4404, 429: 1013, 503: 1013}
_BROKEN = 1011
_EXTENSION = "auto_voice.sockets"

blueprint = Blueprint("sockets", __name__)
_sock = Sock()


class Sockets:
    """The WebSockets of one process.

    Attributes:
        watch: follows the jobs for all of them.
        places: one for each that may be open.
    """

    def __init__(self, app: Flask, most: int) -> None:
        self.watch = JobWatch(app)
        self.places = threading.BoundedSemaphore(most)


def init_app(app: Flask, settings: Settings) -> None:
    """Add the sockets to the app."""
    app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": PING_SECONDS,
        "max_message_size": _MESSAGE_BYTES,
        "thread_class": _DaemonThread,
    }
    app.extensions[_EXTENSION] = Sockets(app, settings.server.max_websockets)
    app.register_error_handler(RemoteProtocolError, _no_handshake)
    app.register_blueprint(blueprint)


def sockets(app: Flask) -> Sockets:
    """The app's sockets."""
    return cast(Sockets, app.extensions[_EXTENSION])


@_sock.route("/ws/conversion/<conversion_id>", bp=blueprint)  # type: ignore[untyped-decorator]
@unlimited
def conversion(connection: Server, conversion_id: str) -> None:
    """Tell one client how a job stands, until it ends."""
    # Messages are for nobody; kept, they would only fill the memory.
    connection.input_buffer = _Discard()
    socket_opened()
    try:
        _serve(connection, conversion_id)
    except AutoVoiceError as error:
        close = _CLOSE_CODES.get(error.http_status, _BROKEN)
        if close == _BROKEN:
            _LOG.error("a WebSocket broke: %s", error.message)
        socket_failed("full" if close == 1013 else "error" if close == _BROKEN else "refused")
        _send(connection, error_frame(error, conversion_id, close))
    except Exception:
        # Nothing may leave this function: it would be answered in HTTP, on a connection that speaks it no more.
        _LOG.exception("a WebSocket broke")
        socket_failed("error")
        _send(connection, Frame("", _BROKEN))
    finally:
        socket_closed()


def _serve(connection: Server, conversion_id: str) -> None:
    here = sockets(current_app)
    if not here.places.acquire(blocking=False):
        raise ServiceUnavailableError("Too many WebSockets are open here.", suggestions=["Poll the status instead."])
    try:
        auth.socket_caller(conversion_id)
        with here.watch.watch(conversion_id) as watch:
            asked_at = time.monotonic()
            going_on = _send(connection, job_frame(visible_job(conversion_id), asked_at))
            while going_on:
                going_on = _send(connection, watch.next(after=asked_at))
    finally:
        here.places.release()


def _send(connection: Server, frame: Frame) -> bool:
    """Send a frame, and close the socket where it is the last one. Returns whether the client waits for more."""
    try:
        if frame.text:
            connection.send(frame.text)
        if frame.close is not None:
            connection.close(frame.close)
    except (ConnectionClosed, OSError):  # the client went away, or does not read
        return False
    return frame.close is None


@blueprint.before_request
def _before_handshake() -> None:
    headers.check_origin()
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        # The library closes its socket itself, and so does gunicorn: each gets one.
        own = connection.dup()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0))
        request.environ["gunicorn.socket"] = own


def _no_handshake(error: RemoteProtocolError) -> Any:
    """The request says that it opens a WebSocket, but not as RFC 6455 asks."""
    request.environ["gunicorn.socket"].close()
    return current_app.handle_user_exception(InvalidParametersError(f"That is no WebSocket handshake: {error}"))


class _Discard(list[Any]):
    def append(self, item: Any) -> None:
        """Forget it."""


class _DaemonThread(threading.Thread):
    """Reads a socket; a client that never closes its side does not keep the process from ending."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, daemon=True)
