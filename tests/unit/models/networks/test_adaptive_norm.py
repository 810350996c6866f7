"""Adaptive normalisation and the fused activation against their plain formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from auto_voice.models.networks import adaptive_norm
from auto_voice.models.networks.adaptive_norm import AdaptiveNorm, SnakeNorm

STYLE, CHANNELS = 3, 5


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a few rows, so that short inputs have several, the last of them shorter."""
    monkeypatch.setattr(adaptive_norm, "_CHUNK", 2 * CHANNELS * 4)


def plain(norm: AdaptiveNorm, x: Tensor, style: Tensor) -> Tensor:
    gain, shift = norm.film(style)[:, None].chunk(2, dim=-1)
    mean, variance = x.mean(1, keepdim=True), x.var(1, keepdim=True, correction=0)
    z = (1 + gain) * (x - mean) / (variance + 1e-5).sqrt() + shift
    if isinstance(norm, SnakeNorm):
        frequency = norm.frequency.view(1, 1, -1)
        z = z + (frequency * z).sin().square() / frequency
    return z


def a_norm(kind: type[AdaptiveNorm], dtype: torch.dtype = torch.float64) -> AdaptiveNorm:
    torch.manual_seed(0)
    norm = kind(STYLE, CHANNELS).to(dtype)
    if isinstance(norm, SnakeNorm):
        norm.frequency.uniform_(0.3, 2.0)
    return norm


@pytest.mark.parametrize("kind", [AdaptiveNorm, SnakeNorm])
@pytest.mark.parametrize("n", [1, 3, 17])
def test_it_is_the_formula(kind: type[AdaptiveNorm], n: int) -> None:
    norm = a_norm(kind)
    x, style = 3 + torch.randn(2, n, CHANNELS, dtype=torch.float64), torch.randn(2, STYLE, dtype=torch.float64)
    torch.testing.assert_close(norm(x, style), plain(norm, x, style))


@pytest.mark.parametrize("kind", [AdaptiveNorm, SnakeNorm])
def test_its_gradients_are_the_formula_s(kind: type[AdaptiveNorm]) -> None:
    norm = a_norm(kind)
    x = torch.randn(2, 11, CHANNELS, dtype=torch.float64, requires_grad=True)
    style = torch.randn(2, STYLE, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, (x, style))
    (norm(x, style) ** 2).sum().backward()
    got = norm.film.bias.grad.clone()
    norm.film.bias.grad = None
    (plain(norm, x, style) ** 2).sum().backward()
    torch.testing.assert_close(got, norm.film.bias.grad)


@pytest.mark.parametrize("kind", [AdaptiveNorm, SnakeNorm])
def test_bfloat16_is_rounded_only_as_it_comes_and_goes(kind: type[AdaptiveNorm]) -> None:
    norm = a_norm(kind, torch.float32)
    x, style = torch.randn(1, 40, CHANNELS).bfloat16(), torch.randn(1, STYLE)
    got = norm(x, style)
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, plain(norm, x.float(), style).bfloat16()) or torch.allclose(
        got.float(), plain(norm, x.float(), style), rtol=2**-8
    )


@pytest.mark.parametrize("level", [0.0, 1e4])
def test_what_never_changes_becomes_the_shift(level: float) -> None:
    norm = a_norm(AdaptiveNorm, torch.float32)
    style = torch.randn(1, STYLE)
    got = norm(torch.full((1, 50, CHANNELS), level), style)
    torch.testing.assert_close(got, norm.modulation(style)[1].expand_as(got))
    snake = a_norm(SnakeNorm, torch.float32)(torch.full((1, 50, CHANNELS), level), style)
    assert snake.isfinite().all()
    torch.testing.assert_close(snake, snake[:, :1].expand_as(snake))
