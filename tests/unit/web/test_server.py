"""How gunicorn is set up."""

from __future__ import annotations

from pathlib import Path

import pytest

from auto_voice.config import Settings, load_settings
from auto_voice.web.gunicorn_worker import Worker
from auto_voice.web.server import WebServer, options


def with_server(**values: object) -> Settings:
    return load_settings(environment={f"AUTOVOICE__SERVER__{name.upper()}": str(each) for name, each in values.items()})


def test_threads_are_those_of_requests_and_of_sockets_together() -> None:
    chosen = options(with_server(threads=10, max_websockets=30, workers=3))
    assert (chosen["threads"], chosen["workers"]) == (40, 3)
    assert chosen["worker_connections"] > 40


@pytest.mark.parametrize(
    ("host", "bind"), [("127.0.0.1", "127.0.0.1:5000"), ("::1", "[::1]:5000"), ("[::1]", "[::1]:5000")]
)
def test_addresses_of_both_kinds_are_bound(host: str, bind: str) -> None:
    assert options(with_server(host=host))["bind"] == bind


def test_gunicorn_takes_every_option_and_makes_no_socket_or_file_of_its_own(settings: Settings) -> None:
    configured = WebServer(settings).cfg
    assert (configured.worker_class, configured.sendfile) == (Worker, False)
    assert configured.control_socket_disable
    assert configured.pidfile is None and configured.accesslog is None


def test_gunicorns_own_variables_are_not_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--bind=0.0.0.0:1 --workers=9")
    monkeypatch.setenv("WEB_CONCURRENCY", "9")
    configured = WebServer(settings).cfg
    assert configured.bind == ["127.0.0.1:5000"] and configured.workers == settings.server.workers


def test_a_reload_takes_over_valid_settings_and_only_those(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    monkeypatch.setenv("AUTOVOICE_CONFIG", str(file))
    monkeypatch.setattr("auto_voice.web.server.configure_logging", lambda *given: None)
    server = WebServer(settings)
    file.write_text("server: {threads: 7, max_websockets: 0}")
    server.reload()
    assert server.cfg.threads == 7

    file.write_text("server: {threads: many}")
    server.reload()
    assert server.cfg.threads == server.settings.server.threads == 7
