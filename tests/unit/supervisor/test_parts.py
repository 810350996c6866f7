"""The address, the configuration and the signals, each by itself."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from auto_voice.config import SettingsError
from auto_voice.errors import ServiceUnavailableError
from auto_voice.supervisor.address import check_address
from auto_voice.supervisor.configuration import Configuration
from auto_voice.supervisor.signals import SignalInbox


def test_a_taken_port_is_refused_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceUnavailableError, match=f"port {port}") as caught:
            check_address("127.0.0.1", port)
    assert "--port" in " ".join(caught.value.suggestions)
    check_address("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ServiceUnavailableError, match=r"192\.0\.2\.1"):
        check_address("192.0.2.1", 5000)


def test_options_win_over_files_in_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some.yaml").write_text("server:\n  port: 7000\n  threads: 9\n")
    monkeypatch.chdir(tmp_path)
    configuration = Configuration.of([Path("some.yaml")], port=7001)
    assert configuration.load().server.port == 7001
    assert configuration.load().server.threads == 9
    assert configuration.environment["AUTOVOICE_CONFIG"] == str(tmp_path / "some.yaml")


def test_the_variable_names_the_files_where_nobody_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("one.yaml", "server:\n  port: 7000\n  threads: 9\n"), ("two.yaml", "server:\n  port: 7002\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("AUTOVOICE_CONFIG", f"{tmp_path / 'one.yaml'}{os.pathsep}{tmp_path / 'two.yaml'}")
    server = Configuration.of().load().server
    assert (server.port, server.threads) == (7002, 9)


def test_files_are_read_again_and_checked_again(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("server:\n  threads: 9\n")
    configuration = Configuration.of([file])
    file.write_text("server:\n  threads: 10\n")
    assert configuration.load().server.threads == 10
    file.write_text("server:\n  threads: none\n")
    with pytest.raises(SettingsError):
        configuration.load()


def test_signals_wait_to_be_read() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with SignalInbox(signal.SIGUSR1, signal.SIGUSR2) as inbox:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        came: list[signal.Signals] = []
        while len(came) < 2:
            came += inbox.read(5.0)
        assert inbox.read(0.0) == []
    assert came == [signal.SIGUSR1, signal.SIGUSR2]
    assert signal.getsignal(signal.SIGUSR1) == before
