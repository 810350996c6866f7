"""One process that is kept running."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable

from auto_voice.supervisor.parent import READY_VARIABLE, VARIABLE
from auto_voice.supervisor.plan import Plan

SOUND_SECONDS = 5.0
"""A process that lived so long, or said that it was ready, was started well; the next one is started at once."""

_FIRST_DELAY_SECONDS = 0.25
_DOUBLINGS = 7
"""The delay doubles so often: up to 32 seconds."""

_log = logging.getLogger(__name__)


class Child:
    """A process, and its successor when it ends.

    Attributes:
        plan: what to start.
        wanted: whether it gets a successor.
        worker_id: of the process that runs now, or ran last, where it is a worker.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self.plan = plan
        self.wanted = True
        self.worker_id: str | None = None
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._ready_pipe = -1
        self._sent: set[int] = set()
        self._started = 0.0
        self._short_lives = 0
        self._due = clock()

    @property
    def running(self) -> bool:
        """Whether there is a process, as far as `ended` knows."""
        return self._process is not None

    def seconds_to_start(self) -> float | None:
        """How long until it is to be started; None while it runs, or when it is not wanted."""
        if self.running or not self.wanted:
            return None
        return max(0.0, self._due - self._clock())

    def start(self) -> None:
        """Start the process. Only the main thread may: the system ends children with the thread they come from."""
        command = [sys.executable, "-m", self.plan.module]
        if self.plan.is_worker:
            self.worker_id = f"{socket.gethostname()[:40]}-{uuid.uuid4().hex[:12]}"
            command += ["--id", self.worker_id]
        self._started = self._clock()
        self._sent = set()
        self._ready_pipe, their_end = os.pipe()
        environment = {**self.plan.environment, VARIABLE: str(os.getpid()), READY_VARIABLE: str(their_end)}
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                pass_fds=(their_end,),
                start_new_session=True,  # a terminal's Ctrl-C is not for it: the supervisor says when to stop
            )
        except OSError as error:  # no memory, or too many processes: that may pass
            os.close(self._ready_pipe)
            self._delay_successor()
            _log.error("%s could not be started: %s", self.plan.name, error)
        else:
            _log.info("%s started, process %d", self.plan.name, self._process.pid)
        finally:
            os.close(their_end)

    def ended(self) -> bool:
        """Whether the process has ended since it was last asked; sets the time for its successor."""
        if self._process is None or (code := self._process.poll()) is None:
            return False
        process, self._process = self._process, None
        lived = self._clock() - self._started
        if self._was_ready() or lived >= SOUND_SECONDS:
            self._short_lives, self._due = 0, self._clock()
        else:
            self._delay_successor()
        asked_to = -code in self._sent  # it had not yet begun to listen for the signal
        level = logging.INFO if code == 0 or asked_to else logging.ERROR
        _log.log(level, "%s, process %d, ended after %.0f s: %s", self.plan.name, process.pid, lived, _described(code))
        return True

    def _delay_successor(self) -> None:
        """What could not even start is tried ever more rarely."""
        delay = _FIRST_DELAY_SECONDS * 2 ** min(self._short_lives, _DOUBLINGS)
        self._short_lives += 1
        self._due = self._clock() + delay

    def _was_ready(self) -> bool:
        """Whether the process that has ended said that it was ready."""
        os.set_blocking(self._ready_pipe, False)  # processes that it started may still hold the other end
        with os.fdopen(self._ready_pipe, "rb", buffering=0) as pipe:
            return bool(pipe.read(1))

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal, where there is one."""
        if self._process is not None:
            self._sent.add(number)
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the process, and those it started, at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _described(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
