"""Computing on one thread where more of them would only wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on the calling thread alone while the block runs; other threads keep theirs.

    The networks that score are small. On idle cores a second thread gains them little; on cores that also serve
    somebody else every step waits for its slowest thread, and scoring was measured to take 5 (convolutions) to 40
    (recurrent steps) times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
