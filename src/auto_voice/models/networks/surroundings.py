"""What adaptive normalisations see of a longer stretch, so that a short piece is normalised as it would be in there.

Instance normalisation makes mean and variance of each channel the same whatever is said: in a second of speech a single
vowel may be most of it, in a phrase it is not. A voice that is fitted to pieces would make up for that, and would not
fit the phrases that it sings later. The formula that pools two sets of values is Chan, Golub & LeVeque's (1979).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor, nn

Statistics = tuple[Tensor, Tensor, int]
"""Mean and variance of every channel, (batch or 1, 1, channels) each, and of how many values."""

_ACTIVE: ContextVar[Callable[[nn.Module, Statistics], Statistics] | None] = ContextVar("surroundings", default=None)


class Surroundings:
    """Statistics of one stretch at every normalisation that it passed through.

    Only the thread that opened `watching` or `around` is concerned: a network may be shared with others meanwhile.
    """

    def __init__(self) -> None:
        self._seen: dict[nn.Module, Statistics] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep the statistics of what passes through networks inside; they replace the ones of before."""
        self._seen = {}
        with _active(self._keep):
            yield

    @contextmanager
    def around(self) -> Iterator[None]:
        """Normalise what passes through networks inside as if it stood beside what was watched."""
        with _active(self._pool):
            yield

    def _keep(self, norm: nn.Module, own: Statistics) -> Statistics:
        mean, variance, count = own
        self._seen[norm] = mean.detach(), variance.detach(), count
        return own

    def _pool(self, norm: nn.Module, own: Statistics) -> Statistics:
        if norm not in self._seen:
            return own
        (mean, variance, count), (other_mean, other_variance, other_count) = own, self._seen[norm]
        total = count + other_count
        share = count / total
        between = share * (1 - share) * (mean - other_mean).square()
        return (
            share * mean + (1 - share) * other_mean,
            share * variance + (1 - share) * other_variance + between,
            total,
        )


def pooled(norm: nn.Module, own: Statistics) -> Statistics:
    """The statistics that a normalisation is to use, given those of its own input."""
    active = _ACTIVE.get()
    return own if active is None else active(norm, own)


@contextmanager
def _active(use: Callable[[nn.Module, Statistics], Statistics]) -> Iterator[None]:
    token = _ACTIVE.set(use)
    try:
        yield
    finally:
        _ACTIVE.reset(token)
