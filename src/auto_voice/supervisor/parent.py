"""No process of the service outlives its supervisor, even one that was killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

VARIABLE = "AUTOVOICE_SUPERVISOR"
"""Tells a process which one started it, by process id."""

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


def parent_gone() -> bool:
    """Whether the supervisor that started this process is no longer there."""
    return _supervisor() not in (None, os.getppid())


def _supervisor() -> int | None:
    text = os.environ.get(VARIABLE, "")
    return int(text) if text.isdecimal() else None
