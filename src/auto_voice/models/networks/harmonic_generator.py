"""From frames of features to samples, guided by harmonics of the wanted F0: the iSTFTNet generator of StyleTTS 2.

Kaneko et al., "iSTFTNet: fast and lightweight mel-spectrogram vocoder incorporating inverse short-time Fourier
transform", ICASSP 2022, with the harmonic source of Wang, Takaki & Yamagishi, "Neural source-filter waveform models
for statistical parametric speech synthesis", TASLP 2020, as in Kokoro (https://github.com/hexgrad/kokoro, Apache-2.0).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from auto_voice.models.networks.adaptive_norm import SnakeNorm
from auto_voice.models.networks.channels_last import ChannelsLastConv1d, ChannelsLastUpsample1d

SAMPLE_RATE = 24000
FFT = 20
HOP = 5
UPSAMPLING = (10, 6)
CURVE_HOP = math.prod(UPSAMPLING) * HOP
"""Samples from one value of F0 to the next."""

_BINS = FFT // 2 + 1
_KERNELS = (3, 7, 11)
_DILATIONS = (1, 3, 5)
_SOURCE_KERNELS = (7, 11)
_HARMONICS = 9
_SINE_LEVEL = 0.1
_NOISE_LEVELS = (0.1 / 3, 0.003)  # unvoiced, voiced
_VOICED_ABOVE_HZ = 10.0
_HIGHEST_LOG_MAGNITUDE = 6.0
# The published ONNX graph leaves out the division by the sum of squared windows, which is 1.5; its level is the norm.
_LEVEL = 1.5


def turns_of(f0: Tensor) -> float:
    """How often the fundamental of this F0 curve goes round: `turns_before` of what comes after it.

    Given this, windows of a longer curve are in phase with each other where they overlap.
    """
    return float(f0.double().sum()) * CURVE_HOP / SAMPLE_RATE


class HarmonicSource(nn.Module):
    """F0 → a buzz of nine harmonics, mixed with learned weights."""

    def __init__(self) -> None:
        super().__init__()
        self.merge = nn.Linear(_HARMONICS, 1)

    @torch.no_grad()
    def forward(self, f0: Tensor, noise: torch.Generator | None = None, turns_before: float = 0.0) -> Tensor:
        """Sum up the harmonics.

        Args:
            f0: float32 (batch, frames), Hz, 0 where unvoiced.
            noise: source of the noise the network was trained with; None for none.
            turns_before: the fundamental's phase before the first frame, see `turns_of`.

        Returns:
            float32 (batch, CURVE_HOP × frames); constant, or noise, where unvoiced.
        """
        # The phase holds still in the first and the last half frame, and is otherwise linear between the frames'
        # middles. Float64, as after minutes float32 would resolve it to a tenth of a turn only.
        turns = turns_before + torch.cumsum(f0.double() * (CURVE_HOP / SAMPLE_RATE), dim=-1)
        turns = functional.interpolate(turns[:, None], scale_factor=CURVE_HOP, mode="linear")[:, 0]
        phase = (turns.frac() * math.tau).float()
        weights, bias = self.merge.weight.float()[0], self.merge.bias.float()
        buzz = torch.zeros_like(phase)
        for number, weight in enumerate(weights, start=1):
            buzz.addcmul_((phase * number).sin_(), weight)
        voiced = (f0 > _VOICED_ABOVE_HZ).repeat_interleave(CURVE_HOP, dim=-1)
        buzz *= voiced * _SINE_LEVEL
        if noise is not None:
            # Each harmonic has noise of its own; of their weighted sum only the level matters.
            level = torch.where(voiced, _NOISE_LEVELS[1], _NOISE_LEVELS[0]) * weights.norm()
            buzz += level * torch.randn(buzz.shape, generator=noise, dtype=buzz.dtype, device=buzz.device)
        return (buzz + bias).tanh_()


class _ResidualUnit(nn.Module):
    """(batch, n, channels) and style → same: a dilated and a plain convolution around which the input is led."""

    def __init__(self, style: int, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.norm1 = SnakeNorm(style, channels)
        self.conv1 = ChannelsLastConv1d(channels, channels, kernel, dilation=dilation, padding=kernel // 2 * dilation)
        self.norm2 = SnakeNorm(style, channels)
        self.conv2 = ChannelsLastConv1d(channels, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.conv1(self.norm1(x, style))
        return x + cast(Tensor, self.conv2(self.norm2(y, style)))


class _ResidualBlock(nn.Module):
    """(batch, n, channels) and style → same: three units, ever more dilated."""

    def __init__(self, style: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(_ResidualUnit(style, channels, kernel, dilation) for dilation in _DILATIONS)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        for unit in self.units:
            x = unit(x, style)
        return x


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    return functools.reduce(torch.add, tensors) / len(tensors)


class HarmonicGenerator(nn.Module):
    """Features at 80 Hz, F0 and style → samples at 24 kHz.

    Args:
        style: width of the style vector.
        width: channels of the features; each of the two upsamplings halves them.
    """

    window: Tensor

    def __init__(self, style: int, width: int) -> None:
        super().__init__()
        widths = [width >> (level + 1) for level in range(len(UPSAMPLING))]
        self.source = HarmonicSource()
        rate = UPSAMPLING[-1]
        self.source_convs = nn.ModuleList(
            [
                ChannelsLastConv1d(2 * _BINS, widths[0], 2 * rate, stride=rate, padding=rate // 2),
                ChannelsLastConv1d(2 * _BINS, widths[1], 1),
            ]
        )
        self.source_blocks = nn.ModuleList(
            _ResidualBlock(style, channels, kernel) for channels, kernel in zip(widths, _SOURCE_KERNELS, strict=True)
        )
        self.upsample = nn.ModuleList(
            ChannelsLastUpsample1d(2 * channels, channels, rate)
            for channels, rate in zip(widths, UPSAMPLING, strict=True)
        )
        self.blocks = nn.ModuleList(
            _ResidualBlock(style, channels, kernel) for channels in widths for kernel in _KERNELS
        )
        self.out_conv = ChannelsLastConv1d(widths[-1], 2 * _BINS, 7, padding=3)
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)

    def forward(
        self,
        x: Tensor,
        style: Tensor,
        f0: Tensor,
        noise: torch.Generator | None = None,
        turns_before: float = 0.0,
    ) -> Tensor:
        """Generate.

        Args:
            x: (batch, frames, width), CURVE_HOP samples apart.
            style: (batch, style).
            f0: (batch, frames), Hz.
            noise: see `HarmonicSource`.
            turns_before: see `HarmonicSource`.

        Returns:
            float32 (batch, CURVE_HOP × frames).
        """
        with torch.autocast(x.device.type, enabled=False):
            harmonics = self._spectrum(self.source(f0.float(), noise, turns_before))
            sources = [conv(harmonics).to(x.dtype) for conv in self.source_convs]
        for level, upsample in enumerate(self.upsample):
            x = upsample(functional.leaky_relu(x, 0.1))
            if level == len(UPSAMPLING) - 1:
                x = torch.cat((x[:, 1:2], x), dim=1)  # mirrored, to as many as the spectrum has frames
            x = x + self.source_blocks[level](sources[level], style)
            first = level * len(_KERNELS)
            x = _mean([block(x, style) for block in self.blocks[first : first + len(_KERNELS)]])
        with torch.autocast(x.device.type, enabled=False):
            return self._samples(self.out_conv(functional.leaky_relu(x)))

    def _spectrum(self, samples: Tensor) -> Tensor:
        """Magnitudes and phases, side by side: (batch, n) → (batch, n / HOP + 1, FFT + 2)."""
        spectrum = torch.stft(samples, FFT, HOP, window=self.window, return_complex=True).transpose(1, 2)
        return torch.cat((spectrum.abs(), spectrum.angle()), dim=-1)

    def _samples(self, x: Tensor) -> Tensor:
        """Log magnitudes and arc sines of phases → samples: (batch, n / HOP + 1, FFT + 2) → (batch, n)."""
        log_magnitude, phase = x.float().transpose(1, 2).chunk(2, dim=1)
        magnitude = log_magnitude.clamp(max=_HIGHEST_LOG_MAGNITUDE).exp()
        return torch.istft(torch.polar(magnitude, phase.sin()), FFT, HOP, window=self.window) * _LEVEL
