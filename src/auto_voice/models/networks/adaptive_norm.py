"""Instance normalisation whose gain and shift a style vector sets, alone and fused with the Snake activation.

Huang & Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", ICCV 2017; Ziyin,
Hartwig & Ueda, "Neural networks fail to learn periodic functions and how to fix it", NeurIPS 2020 (Snake).
Everything is computed in float32, whatever the type of what comes in and goes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from auto_voice.models.networks.surroundings import Statistics, pooled

_EPSILON = 1e-5
_CHUNK = 1 << 16  # values: the intermediate results of so many stay in a core's cache


class AdaptiveNorm(nn.Module):
    """(batch, n, channels) and style (batch, style) → (batch, n, channels), normalised over n and its Surroundings."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.film = nn.Linear(style, 2 * channels)

    def modulation(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and shift of every channel, (batch, 1, channels) each."""
        with torch.autocast(style.device.type, enabled=False):
            gain, shift = self.film(style.to(self.film.weight.dtype)).unsqueeze(1).chunk(2, dim=-1)
        return 1 + gain, shift

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise and modulate."""
        gain, shift = self.modulation(style)
        wide = _wide(x)
        own_mean = wide.mean(dim=1, keepdim=True)
        own_variance = (wide - own_mean).square().mean(dim=1, keepdim=True)
        mean, variance, _ = pooled(self, (own_mean, own_variance, x.shape[1]))
        return torch.addcmul(shift, wide - mean, gain / (variance + _EPSILON).sqrt()).to(x.dtype)


class SnakeNorm(AdaptiveNorm):
    """`AdaptiveNorm`, then z + sin²(f z) / f with a frequency f for every channel."""

    frequency: Tensor

    def __init__(self, style: int, channels: int) -> None:
        super().__init__(style, channels)
        self.register_buffer("frequency", torch.ones(1, channels, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise, modulate and activate."""
        gain, shift = self.modulation(style)
        frequency = self.frequency.view(1, 1, -1)
        statistics = pooled(self, _statistics(x.detach()))
        activated: Tensor = _SnakeOfNorm.apply(x, gain, shift, frequency, statistics)  # type: ignore[no-untyped-call]
        return activated


class _SnakeOfNorm(torch.autograd.Function):
    """Goes through its input in chunks, twice each way, and keeps nothing else of its size for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, frequency: Tensor, statistics: Statistics) -> Tensor:
        mean, variance, ctx.count = statistics
        deviation = (variance + _EPSILON).sqrt()
        scale = gain / deviation
        offset = shift - mean * scale
        twice = 2 * frequency
        ctx.save_for_backward(x, mean, deviation, gain, twice * scale, twice * offset)
        # z + sin²(f z) / f is z + (1 - cos(2 f z)) / 2f: a pass less.
        raised, inverse = offset + 1 / twice, -1 / twice
        out = torch.empty_like(x)
        for part, target in _chunks(x, out):
            wide = _wide(part)
            cosine = torch.addcmul(twice * offset, wide, twice * scale).cos_()
            target.copy_(torch.addcmul(raised, wide, scale).addcmul_(cosine, inverse))
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        x, mean, deviation, gain, angle_scale, angle_offset = ctx.saved_tensors
        to_z = torch.empty_like(x, dtype=_wide(x[:, :0]).dtype)
        to_shift, to_scale = torch.zeros_like(mean), torch.zeros_like(mean)
        for part, gradient, target in _chunks(x, gradients[0], to_z):
            wide = _wide(part)
            torch.addcmul(angle_offset, wide, angle_scale, out=target).sin_().add_(1).mul_(gradient)
            to_shift += target.sum(dim=1, keepdim=True)
            to_scale += (target * wide).sum(dim=1, keepdim=True)
        to_gain = (to_scale - mean * to_shift) / deviation
        if not ctx.needs_input_grad[0]:
            return None, to_gain, to_shift, None, None
        n = ctx.count  # what stands around the input has a part in its statistics, and does not change with it
        by_z = gain / deviation
        by_x = -by_z * to_gain / (n * deviation)
        constant = -by_z * to_shift / n - by_x * mean
        to_x = torch.empty_like(x)
        for part, gradient, target in _chunks(x, to_z, to_x):
            target.copy_(torch.addcmul(constant, _wide(part), by_x).addcmul_(gradient, by_z))
        return to_x, to_gain, to_shift, None, None


def _statistics(x: Tensor) -> Statistics:
    """Mean and variance over n, from one pass over memory."""
    total = torch.zeros_like(x[:, :1], dtype=torch.float64)
    squares = torch.zeros_like(total)
    for (part,) in _chunks(x):
        wide = _wide(part)
        total += wide.sum(dim=1, keepdim=True)
        squares += wide.square().sum(dim=1, keepdim=True)
    mean = total / x.shape[1]
    variance = (squares / x.shape[1] - mean.square()).clamp_(min=0)
    kind = _wide(x[:, :0]).dtype
    return mean.to(kind), variance.to(kind), x.shape[1]


def _chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Views of the same part of each, from first to last; whole on a GPU, which would rather have it at once."""
    batch, n, channels = tensors[0].shape
    rows = n if tensors[0].is_cuda else max(1, _CHUNK * torch.get_num_threads() // (batch * channels))
    return zip(*(torch.split(each, rows, dim=1) for each in tensors), strict=True)


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
