"""Things that nobody may touch: a file whose opening is noticed, and a port on which nobody may call."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_NONBLOCK = os.O_NONBLOCK
_OPENED_OR_READ = 0x21  # IN_OPEN | IN_ACCESS


class Canary:
    """A file and a local port that hostile uploads point to. The kernel tells who opens the file (inotify)."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "canary.flac"
        self.path.write_bytes(b"a secret of this machine" * 100)
        self._watch = _LIBC.inotify_init1(_NONBLOCK)
        if self._watch < 0 or _LIBC.inotify_add_watch(self._watch, os.fsencode(self.path), _OPENED_OR_READ) < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/canary.flac"

    def touched(self) -> list[str]:
        """What was done since this was asked last: "opened", "called"."""
        found = []
        with contextlib.suppress(BlockingIOError):
            os.read(self._watch, 1 << 16)
            found.append("opened")
        with contextlib.suppress(BlockingIOError):
            self._listener.accept()[0].close()
            found.append("called")
        return found

    def close(self) -> None:
        """Watch no longer."""
        os.close(self._watch)
        self._listener.close()
