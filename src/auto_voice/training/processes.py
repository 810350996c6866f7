"""Work on several recordings at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


class _Here(Executor):
    """Does at once, in this process, what it is given."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn`; what it raises is raised here."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done

    def map(self, fn: Any, *iterables: Any, timeout: float | None = None, chunksize: int = 1) -> Iterator[Any]:  # noqa: ARG002
        """One after the other, each when it is asked for."""
        return map(fn, *iterables)


def several(workers: int) -> Executor:
    """So many processes; for one, this one.

    They are started anew instead of forked: where PyTorch has made threads, a fork waits for them for ever.
    """
    return _Here() if workers == 1 else ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
