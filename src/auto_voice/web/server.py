"""The web server's processes: gunicorn with threads, by our settings. `python -m auto_voice.web.server`.

The supervisor starts it; it also runs on its own. SIGTERM lets requests end, SIGHUP reads the settings again.
"""

from __future__ import annotations

import logging
import resource
import sys
from pathlib import Path
from typing import Any

from flask_openapi3 import OpenAPI
from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError

from auto_voice.config import Settings
from auto_voice.config.load import configured_settings
from auto_voice.errors import AutoVoiceError
from auto_voice.monitoring.logs import configure_logging
from auto_voice.monitoring.metrics import share_metrics
from auto_voice.supervisor.parent import follow_parent
from auto_voice.web.app import create_app
from auto_voice.web.gunicorn_worker import ServiceLog, Worker
from auto_voice.web.metrics import serve_metrics_port
from auto_voice.web.websocket_handler import sockets

_LOG = logging.getLogger("auto_voice.web.server")  # its own name also where it is __main__

_HEARTBEAT_SECONDS = 120
"""A process whose main loop stands still for so long is replaced; how long requests take does not matter."""
_SHARED_MEMORY = Path("/dev/shm")
_FILES_FOR_EACH_THREAD = 4
"""Its upload, a database or two, the socket a second time: beside its connection."""


class WebServer(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured by our settings instead of by its own files and variables.

    Args:
        settings: to begin with.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its options."""
        for name, value in options(self.settings).items():
            self.cfg.set(name, value)

    def load(self) -> OpenAPI:
        """The application of one process; called in that process."""
        try:
            share_metrics(self.settings)
            app = create_app(self.settings)
        except AutoVoiceError as error:
            raise AppImportError(_told(error)) from error
        serve_metrics_port(app)
        return app

    def reload(self) -> None:
        """Take over changed settings and set up the log anew; settings that are not valid change nothing."""
        try:
            settings = configured_settings()
            configure_logging(settings, "web")
        except AutoVoiceError as error:
            _LOG.error("the settings stay as they were: %s", error.message)
            return
        self.settings = settings
        super().reload()


def options(settings: Settings) -> dict[str, Any]:
    """Gunicorn's options for these settings."""
    server = settings.server
    threads = server.threads + server.max_websockets
    host = server.host.strip("[]")
    return {
        "bind": f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}",
        "proc_name": "autovoice",
        "worker_class": Worker,
        "workers": server.workers,
        # WebSockets cannot take more than their part of them, so there are always some for requests.
        "threads": threads,
        "worker_connections": 1000 + 2 * threads,
        "keepalive": 5,
        "timeout": _HEARTBEAT_SECONDS,
        "graceful_timeout": server.shutdown_timeout,
        "limit_request_line": 8190,
        "limit_request_fields": 100,
        "limit_request_field_size": 8190,
        # The app itself decides whose forwarded headers it believes (`server.trusted_proxies`).
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "forwarder_headers": "",
        "sendfile": False,  # it would wait without end for a client that stops reading
        "control_socket_disable": True,
        "logger_class": ServiceLog,
        "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        "when_ready": lambda _: _LOG.info("listening on %s, port %d", server.host, server.port),
        "post_worker_init": _told_when_to_close,
    }


def main() -> None:
    """Serve until told to stop; exits with 0 then, or with an error's exit code and its text on stderr."""
    follow_parent()
    try:
        settings = configured_settings()
        configure_logging(settings, "web")
    except AutoVoiceError as error:
        sys.stderr.write(_told(error) + "\n")
        sys.exit(error.exit_code)
    chosen = options(settings)
    allow_open_files(chosen["worker_connections"] + _FILES_FOR_EACH_THREAD * chosen["threads"])
    WebServer(settings).run()


def allow_open_files(number: int) -> None:
    """Let this process and its children have so many files open, or as many as they may; often they begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _told_when_to_close(worker: Worker) -> None:
    """The process that begins to end closes its WebSockets; their clients come back to another one."""
    sockets(worker.wsgi).watch.close_when(lambda: not worker.alive)


def _told(error: AutoVoiceError) -> str:
    return "\n".join([f"error: {error.message}", *(f"  → {each}" for each in error.suggestions)])


if __name__ == "__main__":
    main()
