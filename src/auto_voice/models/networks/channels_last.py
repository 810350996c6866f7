"""One-dimensional convolutions over (batch, n, channels): several times faster on CPUs than over (batch, channels, n).

oneDNN works on channels that lie side by side in memory. Given them in that order it need not sort them before and
after every layer, which in bfloat16 takes longer than the products.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


class ChannelsLastConv1d(nn.Conv1d):
    """`nn.Conv1d` over (batch, n, inputs), in the type of its weights. Parameters are of the usual shapes."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding, dilation, bias=bias)
        _lay_inputs_last(self)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, inputs) → (batch, n', outputs)."""
        along = _in_type_of(self.weight, x).transpose(1, 2).unsqueeze(2)
        y = functional.conv2d(
            along,
            self.weight.unsqueeze(2),
            self.bias,
            stride=(1, self.stride[0]),
            padding=(0, cast(int, self.padding[0])),
            dilation=(1, self.dilation[0]),
        )
        return y.squeeze(2).transpose(1, 2)


class ChannelsLastUpsample1d(nn.ConvTranspose1d):
    """Transposed convolution of a kernel twice its (even) stride: (batch, n, inputs) → (batch, stride × n, outputs).

    Every output sees two neighbouring inputs only, so that one matrix product for each of the two makes all outputs.
    """

    def __init__(self, inputs: int, outputs: int, rate: int) -> None:
        super().__init__(inputs, outputs, 2 * rate, stride=rate, padding=rate // 2)
        _lay_inputs_last(self)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: ARG002 - the base class's
        """(batch, n, inputs) → (batch, stride × n, outputs)."""
        batch, n, inputs = x.shape
        rate, edge = self.kernel_size[0] // 2, self.kernel_size[0] // 4
        x = functional.pad(_in_type_of(self.weight, x), (0, 0, 1, 1))
        of_this, of_last = self.weight.transpose(1, 2).reshape(inputs, 2, -1).unbind(1)
        y = (x[:, 1:] @ of_this + x[:, :-1] @ of_last).view(batch, (n + 1) * rate, self.out_channels)
        return y[:, edge : edge + n * rate] + cast(Tensor, self.bias).to(y.dtype)


class ChannelsLastDoubling(nn.Module):
    """Transposed convolution of each channel by itself, kernel 3, stride 2: (batch, n, channels) → (batch, 2n, …)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 3))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, channels) → (batch, 2n, channels)."""
        x = _in_type_of(self.weight, x)
        from_next, from_same, from_last = self.weight[:, 0].unbind(1)
        following = functional.pad(x[:, 1:], (0, 0, 0, 1))
        even, odd = x * from_same, x * from_last + following * from_next
        return torch.stack((even, odd), dim=2).flatten(1, 2) + self.bias


LAYERS = (ChannelsLastConv1d, ChannelsLastUpsample1d, ChannelsLastDoubling)


def _lay_inputs_last(layer: nn.Conv1d | nn.ConvTranspose1d) -> None:
    """Change the order of the weights in memory, not their shape, to that of `x`: the second axis lies innermost."""
    layer.weight = nn.Parameter(layer.weight.detach().transpose(1, 2).contiguous().transpose(1, 2))


def _in_type_of(weight: Tensor, x: Tensor) -> Tensor:
    """`x` in the weights' type; under autocast as it is, since then that decides."""
    return x if torch.is_autocast_enabled(x.device.type) else x.to(weight.dtype)
