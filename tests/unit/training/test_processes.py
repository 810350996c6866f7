"""Work is shared by processes that are started anew, or done here."""

from __future__ import annotations

import os

import pytest

from auto_voice.training.processes import several


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    with several(workers) as pool:
        assert list(pool.map(abs, [-3, 2, -1])) == [3, 2, 1]
        assert pool.submit(divmod, 7, 2).result() == (3, 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_goes_wrong_is_raised(workers: int) -> None:
    with several(workers) as pool, pytest.raises(ValueError, match="invalid literal"):
        list(pool.map(int, ["1", "no"]))


def test_one_worker_is_this_process_and_does_nothing_ahead_of_time() -> None:
    done: list[int] = []
    with several(1) as pool:
        results = pool.map(done.append, range(3))
        next(iter(results))
        assert done == [0]
        assert pool.submit(os.getpid).result() == os.getpid()


def test_two_workers_are_others() -> None:
    with several(2) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
