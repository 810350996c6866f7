"""A process gets a successor: at once where it was started well, ever later where it was not."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import pytest

from auto_voice.supervisor.child import SOUND_SECONDS, Child
from auto_voice.supervisor.plan import Plan
from job_stores import Clock

READY = """
from auto_voice.supervisor.parent import tell_ready
tell_ready()
raise SystemExit(3)
"""
WAITING = """
import signal
from auto_voice.supervisor.parent import follow_parent, parent_gone, tell_ready
follow_parent()
assert not parent_gone()
tell_ready()
signal.pause()
"""


def child(folder: Path, source: str, clock: Clock) -> Child:
    (folder / "some_process.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return Child(Plan(name="process", module="some_process", environment=environment), clock)


def run(some: Child) -> None:
    some.start()
    wait(some)


def wait(some: Child) -> None:
    deadline = time.monotonic() + 20
    while not some.ended():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


def test_what_cannot_start_is_tried_ever_more_rarely(tmp_path: Path, clock: Clock) -> None:
    some = child(tmp_path, "raise SystemExit(3)", clock)
    delays = []
    for _ in range(4):
        run(some)
        delays.append(some.seconds_to_start())
        clock.forward(delays[-1] or 0.0)
    assert delays == [0.25, 0.5, 1.0, 2.0]


def test_what_said_that_it_was_ready_has_its_successor_at_once(tmp_path: Path, clock: Clock) -> None:
    some = child(tmp_path, "raise SystemExit(3)", clock)
    run(some)
    (tmp_path / "some_process.py").write_text(READY + "# of another length, so that it is compiled again\n")
    run(some)
    assert some.seconds_to_start() == 0.0


def test_what_lived_long_has_its_successor_at_once(tmp_path: Path, clock: Clock) -> None:
    some = child(tmp_path, WAITING, clock)
    some.start()
    assert some.seconds_to_start() is None
    clock.forward(SOUND_SECONDS)
    some.kill()
    wait(some)
    assert some.seconds_to_start() == 0.0


def test_what_is_not_wanted_has_none(tmp_path: Path, clock: Clock) -> None:
    some = child(tmp_path, WAITING, clock)
    some.start()
    some.wanted = False
    some.send(signal.SIGTERM)
    wait(some)
    assert (some.running, some.seconds_to_start()) == (False, None)


STARTING = "import signal\nsignal.pause()\n"


@pytest.mark.parametrize(("told", "level"), [(True, logging.INFO), (False, logging.ERROR)])
def test_to_end_by_a_signal_is_an_error_where_nobody_of_ours_sent_it(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, told: bool, level: int
) -> None:
    """A process that is still starting has no handler for SIGTERM yet."""
    caplog.set_level(logging.INFO)
    some = child(tmp_path, STARTING, clock)
    some.start()
    assert some._process is not None
    (some.send if told else some._process.send_signal)(signal.SIGTERM)
    wait(some)
    assert (caplog.records[-1].levelno, "SIGTERM" in caplog.records[-1].message) == (level, True)
