"""A short piece normalised as within a longer stretch."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from auto_voice.models.networks.adaptive_norm import AdaptiveNorm, SnakeNorm
from auto_voice.models.networks.surroundings import Surroundings

STYLE, CHANNELS = 3, 5


@pytest.fixture(params=[AdaptiveNorm, SnakeNorm])
def norm(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = request.param(STYLE, CHANNELS).double()
    return made


def values(n: int, batch: int = 1) -> Tensor:
    return 2 + torch.randn(batch, n, CHANNELS, dtype=torch.float64)


def watched(norm: nn.Module, x: Tensor, style: Tensor) -> Surroundings:
    surroundings = Surroundings()
    with surroundings.watching():
        norm(x, style)
    return surroundings


def test_a_piece_becomes_what_it_would_within_the_whole(norm: nn.Module) -> None:
    stretch, piece, style = 3 * values(40), values(7), torch.randn(1, STYLE, dtype=torch.float64)
    with watched(norm, stretch, style).around():
        alone = norm(piece, style)
    whole = norm(torch.cat((piece, stretch), dim=1), style)
    torch.testing.assert_close(alone, whole[:, :7])


def test_its_gradients_are_those_within_the_whole(norm: nn.Module) -> None:
    style = torch.randn(1, STYLE, dtype=torch.float64, requires_grad=True)
    surroundings = watched(norm, 3 * values(40), style.detach())

    def around(x: Tensor, style: Tensor) -> Tensor:
        with surroundings.around():
            result: Tensor = norm(x, style)
        return result

    assert torch.autograd.gradcheck(around, (values(7).requires_grad_(), style))


def test_every_piece_of_a_batch_has_the_same_surroundings(norm: nn.Module) -> None:
    style = torch.randn(1, STYLE, dtype=torch.float64)
    pieces = values(7, batch=2)
    with watched(norm, values(40), style).around():
        together = norm(pieces, style)
        apart = torch.cat([norm(each[None], style) for each in pieces])
    torch.testing.assert_close(together, apart)


def test_watching_changes_nothing_and_leaving_ends_it(norm: nn.Module) -> None:
    x, style = values(9), torch.randn(1, STYLE, dtype=torch.float64)
    usual = norm(x, style)
    surroundings = Surroundings()
    with surroundings.watching():
        torch.testing.assert_close(norm(x, style), usual)
    with surroundings.around():
        torch.testing.assert_close(norm(x, style), usual)  # beside itself
    with pytest.raises(KeyError), watched(norm, 5 * values(40), style).around():
        raise KeyError
    torch.testing.assert_close(norm(x, style), usual)


def test_a_network_that_was_not_watched_knows_nothing_of_them(norm: nn.Module) -> None:
    x, style = values(9), torch.randn(1, STYLE, dtype=torch.float64)
    usual = norm(x, style)
    with watched(AdaptiveNorm(STYLE, CHANNELS).double(), values(40), style).around():
        torch.testing.assert_close(norm(x, style), usual)


def test_other_threads_go_on_as_usual(norm: nn.Module) -> None:
    x, style = values(9), torch.randn(1, STYLE, dtype=torch.float64)
    usual, elsewhere = norm(x, style), []
    with watched(norm, 5 * values(40), style).around():
        thread = threading.Thread(target=lambda: elsewhere.append(norm(x, style)))
        thread.start()
        thread.join()
        assert not torch.allclose(norm(x, style), usual)
    torch.testing.assert_close(elsewhere[0], usual)
