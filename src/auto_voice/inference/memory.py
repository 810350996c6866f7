"""Give memory back when a job ends, so that a long-lived process is no larger after its hundredth song."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys


def release_memory() -> None:
    """Return freed memory to the system and to the GPU's other users.

    glibc keeps freed blocks that lie below one still in use; `malloc_trim` hands their pages back. Other C
    libraries lack the function and the need. PyTorch's own cache on the GPU is emptied as well.
    """
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
