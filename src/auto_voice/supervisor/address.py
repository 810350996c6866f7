"""Whether a server can listen where it is to listen, found out before anything is started."""

from __future__ import annotations

import socket

from auto_voice.errors import ServiceUnavailableError


def check_address(host: str, port: int) -> None:
    """Return when a server could listen there now.

    Raises:
        ServiceUnavailableError: it could not; says why, and what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: connections of an earlier run that are still closing do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), port))
    except OSError as error:
        raise ServiceUnavailableError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}",
            suggestions=[
                "Stop the program that listens there, or choose another port: autovoice serve --port N",
                "Check server.host and server.port; ports below 1024 need special rights.",
            ],
        ) from error
