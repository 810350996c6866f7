"""Signals as messages: read at a quiet moment, instead of breaking into whatever runs."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Sequence
from types import FrameType
from typing import Any


class SignalInbox:
    """While its block runs, these signals do nothing but wait here to be read. For the main thread only."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> SignalInbox:
        self._previous_descriptor = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, _noted) for number in self._numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_descriptor)
        self._reader.close()
        self._writer.close()

    def read(self, timeout: float | None) -> Sequence[signal.Signals]:
        """Signals that came, in their order; waits for the first, but no longer than `timeout` seconds."""
        select.select([self._reader], [], [], timeout)
        with contextlib.suppress(BlockingIOError):
            return [signal.Signals(number) for number in self._reader.recv(4096)]
        return []


def _noted(number: int, frame: FrameType | None) -> None:
    """Nothing to do: Python has written the number to the inbox by now."""
    del number, frame
