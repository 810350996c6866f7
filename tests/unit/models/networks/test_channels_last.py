"""Convolutions over (batch, n, channels) do what torch's do over (batch, channels, n)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from auto_voice.models.networks.channels_last import (
    ChannelsLastConv1d,
    ChannelsLastDoubling,
    ChannelsLastUpsample1d,
)


def like(reference: nn.Module, layer: nn.Module) -> nn.Module:
    layer.load_state_dict(reference.state_dict())
    return layer


def same(reference: nn.Module, layer: nn.Module, x: Tensor) -> None:
    torch.manual_seed(0)
    expected = reference(x)
    got = like(reference, layer)(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [(1, 1, 0, 1), (3, 1, 1, 1), (11, 1, 25, 5), (12, 6, 3, 1), (3, 2, 1, 1)],
)
@pytest.mark.parametrize("n", [7, 60])
def test_convolution(kernel: int, stride: int, padding: int, dilation: int, n: int) -> None:
    reference = nn.Conv1d(6, 5, kernel, stride=stride, padding=padding, dilation=dilation)
    layer = ChannelsLastConv1d(6, 5, kernel, stride=stride, padding=padding, dilation=dilation)
    same(reference, layer, torch.randn(2, 6, max(n, kernel)))


@pytest.mark.parametrize("rate", [6, 10])
@pytest.mark.parametrize("n", [1, 9])
def test_upsampling(rate: int, n: int) -> None:
    reference = nn.ConvTranspose1d(8, 4, 2 * rate, stride=rate, padding=rate // 2)
    same(reference, ChannelsLastUpsample1d(8, 4, rate), torch.randn(2, 8, n))


@pytest.mark.parametrize("n", [1, 9])
def test_doubling(n: int) -> None:
    reference = nn.ConvTranspose1d(4, 4, 3, stride=2, padding=1, output_padding=1, groups=4)
    same(reference, ChannelsLastDoubling(4), torch.randn(2, 4, n))


@pytest.mark.parametrize(
    "layer", [ChannelsLastConv1d(8, 4, 3, padding=1), ChannelsLastUpsample1d(8, 4, 6), ChannelsLastDoubling(8)]
)
def test_everything_is_computed_in_the_weights_type(layer: nn.Module) -> None:
    x = torch.randn(1, 5, 8)
    wide = layer(x)
    narrow = layer.to(torch.bfloat16)(x)
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.float(), wide, rtol=0.02, atol=0.03)


def test_the_order_in_memory_survives_loading_and_conversion() -> None:
    layer = like(nn.Conv1d(8, 4, 3), ChannelsLastConv1d(8, 4, 3)).to(torch.bfloat16)
    assert layer.weight.shape == (4, 8, 3)
    assert layer.weight.transpose(1, 2).is_contiguous()
