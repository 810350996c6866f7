"""What a process of the service has to do with its supervisor: it says when it is ready, and never outlives it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

VARIABLE = "AUTOVOICE_SUPERVISOR"
"""Tells a process which one started it, by process id."""

READY_VARIABLE = "AUTOVOICE_READY"
"""Tells a process the file descriptor on which to say that it is ready."""

_PR_SET_PDEATHSIG = 1


def follow_parent() -> None:
    """Have the system send SIGTERM to this process when its supervisor dies; ends it if that has happened already.

    Does nothing in a process that no supervisor started.
    """
    if _supervisor() is None:
        return
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent_gone():
        raise SystemExit(0)


def tell_ready() -> None:
    """Tell the supervisor that the process has started well. Does nothing where there is none."""
    text = os.environ.pop(READY_VARIABLE, "")
    if text.isdecimal():
        with contextlib.suppress(OSError), os.fdopen(int(text), "wb", buffering=0) as pipe:
            pipe.write(b"ready")


def parent_gone() -> bool:
    """Whether the supervisor that started this process is no longer there."""
    return _supervisor() not in (None, os.getppid())


def _supervisor() -> int | None:
    text = os.environ.get(VARIABLE, "")
    return int(text) if text.isdecimal() else None
