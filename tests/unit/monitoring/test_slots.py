"""Processes of one data folder count together; no count is lost with its process, and the folder does not grow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import Metric

from auto_voice.monitoring.slots import ROOM_BYTES, Slots

COUNTER = """
import sys
from auto_voice.config import load_settings
from auto_voice.monitoring import metrics

metrics.share_metrics(load_settings(environment={"AUTOVOICE__STORAGE__DATA_DIR": sys.argv[1]}))
metrics.job_ended("conversion", "completed", 12.0)
metrics.socket_opened()
print("counted", flush=True)
sys.stdin.read()
"""


@contextmanager
def counting_process(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that counts one conversion and one open WebSocket, and lives while the block runs."""
    command = [sys.executable, "-c", COUNTER, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "counted\n"
            yield process
        finally:
            process.kill()


def samples(folder: Path) -> dict[str, float]:
    """What all of them counted, by the sample's name and labels."""

    def shown(metric: Metric) -> dict[str, float]:
        return {sample.name + "".join(sample.labels.values()): sample.value for sample in metric.samples}

    return {name: value for metric in Slots(folder).collect() for name, value in shown(metric).items()}


def test_processes_count_together_and_their_gauges_go_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    with counting_process(tmp_path), counting_process(tmp_path):
        alive = samples(folder)
        files = sorted(file.name for file in folder.iterdir())
    assert alive["autovoice_vc_requests_totalcompleted"] == 2
    assert alive["autovoice_vc_duration_seconds_count"] == 2
    assert alive["autovoice_websocket_connections"] == 2

    gone = samples(folder)
    assert gone["autovoice_vc_requests_totalcompleted"] == 2
    assert "autovoice_websocket_connections" not in gone

    with counting_process(tmp_path):
        restarted = samples(folder)
    assert restarted["autovoice_vc_requests_totalcompleted"] == 3
    assert restarted["autovoice_websocket_connections"] == 1
    assert {file.name for file in folder.iterdir()} <= set(files)


def test_a_slot_is_held_by_one_only(tmp_path: Path) -> None:
    assert Slots(tmp_path).take() == 0
    assert Slots(tmp_path).take() == 1


@pytest.mark.parametrize("damage", [b"\xff" * 4096, b"\x00\x10\x00\x00" + bytes(4092)])
def test_damaged_counts_begin_anew_instead_of_hiding_all_others(tmp_path: Path, damage: bytes) -> None:
    folder = tmp_path / "metrics"
    with counting_process(tmp_path), counting_process(tmp_path):
        pass
    (folder / "counter_0.db").write_bytes(damage)
    assert samples(folder)["autovoice_vc_requests_totalcompleted"] == 1

    with counting_process(tmp_path):
        assert samples(folder)["autovoice_vc_requests_totalcompleted"] == 2


MANY_LABELS = """
import sys
from auto_voice.config import load_settings
from auto_voice.monitoring import metrics

metrics.share_metrics(load_settings(environment={"AUTOVOICE__STORAGE__DATA_DIR": sys.argv[1]}))
for route in range(60):
    for status in range(200, 220):
        metrics.http_answered(f"/api/v1/a/rather/long/<route>/{route}", status, 0.1)
"""


def test_all_labels_have_room_from_the_beginning(tmp_path: Path) -> None:
    """A file that grows would grow without asking the disk for room."""
    subprocess.run([sys.executable, "-c", MANY_LABELS, str(tmp_path)], check=True)
    sizes = {file.stem.rpartition("_")[0]: file.stat().st_size for file in (tmp_path / "metrics").glob("*.db")}
    assert sizes == ROOM_BYTES


def test_a_full_disk_is_noticed_before_anything_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing through memory where the disk has no room would end the process."""

    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        Slots(tmp_path).take()
