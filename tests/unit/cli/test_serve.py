"""What `autovoice serve` says to whoever starts it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from auto_voice.cli import autovoice
from auto_voice.supervisor.run import Supervisor


def test_the_command_for_a_key_means_the_service_that_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the same files it would make a key for another database."""
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path))
    monkeypatch.setattr("auto_voice.monitoring.logs.configure_logging", lambda settings, process: None)
    monkeypatch.setattr(Supervisor, "check", lambda supervisor: None)
    monkeypatch.setattr(Supervisor, "run", lambda supervisor: None)
    ours, more = tmp_path / "our settings.yaml", tmp_path / "more.yaml"
    ours.write_text("security:\n  api_key_required: true\n")
    more.write_text("limits:\n  max_queue_size: 7\n")

    said = CliRunner().invoke(autovoice, ["--config", str(ours), "serve", "--config", str(more)]).stderr

    assert f"`autovoice --config '{ours}' --config {more} keys create --help`" in said
