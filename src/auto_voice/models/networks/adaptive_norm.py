"""Instance normalisation whose gain and shift a style vector sets, alone and fused with the Snake activation.

Huang & Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", ICCV 2017; Ziyin,
Hartwig & Ueda, "Neural networks fail to learn periodic functions and how to fix it", NeurIPS 2020 (Snake).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_EPSILON = 1e-5


class AdaptiveNorm(nn.Module):
    """(batch, channels, n) and style (batch, style) → (batch, channels, n), normalised over n, in float32."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.film = nn.Linear(style, 2 * channels)

    def modulation(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and shift of every channel, (batch, channels, 1) each, float32 under autocast too."""
        with torch.autocast(style.device.type, enabled=False):
            gain, shift = self.film(style.to(self.film.weight.dtype)).unsqueeze(-1).chunk(2, dim=1)
        return 1 + gain, shift

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise and modulate."""
        gain, shift = self.modulation(style)
        mean, deviation = _statistics(x)
        scale = gain / deviation
        return torch.addcmul(shift - mean * scale, x, scale)


class SnakeNorm(AdaptiveNorm):
    """`AdaptiveNorm`, then z + sin²(f z) / f with a frequency f for every channel."""

    frequency: Tensor

    def __init__(self, style: int, channels: int) -> None:
        super().__init__(style, channels)
        self.register_buffer("frequency", torch.ones(1, channels, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise, modulate and activate."""
        gain, shift = self.modulation(style)
        activated: Tensor = _SnakeOfNorm.apply(x, gain, shift, self.frequency)  # type: ignore[no-untyped-call]
        return activated


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over the last axis, kept as an axis of one, float32 at least."""
    if x.dtype == torch.bfloat16:
        x = x.float()
    variance, mean = torch.var_mean(x, dim=-1, keepdim=True, correction=0)
    return mean, (variance + _EPSILON).sqrt_()


class _SnakeOfNorm(torch.autograd.Function):
    """Keeps no tensor of its input's size but the input itself: everything else is quicker to make again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, frequency: Tensor) -> Tensor:
        mean, deviation = _statistics(x)
        scale = gain / deviation
        offset = shift - mean * scale
        twice = 2 * frequency
        ctx.save_for_backward(x, mean, deviation, gain, scale, offset, twice)
        # z + sin²(f z) / f is z + (1 - cos(2 f z)) / 2f, and needs a pass over memory less.
        cosine = torch.addcmul(twice * offset, x, twice * scale).cos_()
        return torch.addcmul(offset + 1 / twice, x, scale).addcmul_(cosine, -1 / twice)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        x, mean, deviation, gain, scale, offset, twice = ctx.saved_tensors
        slope = torch.addcmul(twice * offset, x, twice * scale).sin_().add_(1)
        slope = slope.mul_(gradients[0])  # with respect to the normalised and modulated value
        normal = (x - mean) / deviation
        n = x.shape[-1]
        to_shift = slope.sum(dim=-1, keepdim=True)
        to_gain = (slope * normal).sum(dim=-1, keepdim=True)
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = torch.addcmul(slope - to_shift / n, normal, -to_gain / n).mul_(gain / deviation).to(x.dtype)
        return to_x, to_gain, to_shift, None
