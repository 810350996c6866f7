"""Kokoro's decoder: what is said, how high, how loud and in whose voice → samples.

The decoder half of Kokoro-82M (https://github.com/hexgrad/kokoro, Apache-2.0), which is that of StyleTTS 2 (Li et
al., NeurIPS 2023), here in torch, so that a voice can be fitted through it. Everything about the voice passes
through the style vector and the adaptive normalisations' biases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as functional
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from auto_voice.models.networks.adaptive_norm import AdaptiveNorm
from auto_voice.models.networks.channels_last import LAYERS, ChannelsLastConv1d, ChannelsLastDoubling
from auto_voice.models.networks.harmonic_generator import CURVE_HOP, SAMPLE_RATE, HarmonicGenerator, turns_of

__all__ = [
    "CONTENT_RATE",
    "CURVE_RATE",
    "KOKORO",
    "SAMPLES_PER_FRAME",
    "SAMPLE_RATE",
    "DecoderShape",
    "StyleDecoder",
    "fast_kind",
    "turns_of",
]

CURVE_RATE = SAMPLE_RATE // CURVE_HOP
CONTENT_RATE = CURVE_RATE // 2
SAMPLES_PER_FRAME = 2 * CURVE_HOP
_BLOCKS = 4


@dataclass(frozen=True, kw_only=True)
class DecoderShape:
    """Widths of a StyleDecoder.

    Attributes:
        content: channels of the content.
        style: width of the style vector.
        hidden: channels of the blocks at the content's rate.
        skip: channels of the content that every such block sees anew.
        generator: channels the generator starts from; a multiple of 4.
    """

    content: int
    style: int
    hidden: int
    skip: int
    generator: int


KOKORO = DecoderShape(content=512, style=128, hidden=1024, skip=64, generator=512)


class _Block(nn.Module):
    """(batch, t, inputs) and style → (batch, t, outputs), or 2t if it doubles the rate."""

    def __init__(self, style: int, inputs: int, outputs: int, *, doubles: bool = False) -> None:
        super().__init__()
        self.norm1 = AdaptiveNorm(style, inputs)
        self.pool = ChannelsLastDoubling(inputs) if doubles else None
        self.conv1 = ChannelsLastConv1d(inputs, outputs, 3, padding=1)
        self.norm2 = AdaptiveNorm(style, outputs)
        self.conv2 = ChannelsLastConv1d(outputs, outputs, 3, padding=1)
        self.shortcut = ChannelsLastConv1d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = functional.leaky_relu(self.norm1(x, style), 0.2)
        around = self.shortcut(x)
        if self.pool is not None:
            y = self.pool(y)
            around = around.repeat_interleave(2, dim=1)
        y = functional.leaky_relu(self.norm2(self.conv1(y), style), 0.2)
        return cast(Tensor, self.conv2(y) + around) * math.sqrt(0.5)


class StyleDecoder(nn.Module):
    """Decoder of a style-based speech synthesiser; see `forward` for what goes in and comes out.

    Runs with or without gradients and under bfloat16 autocast, which leaves the harmonic source and the inverse
    Fourier transform in float32.
    """

    def __init__(self, shape: DecoderShape = KOKORO) -> None:
        super().__init__()
        self.shape = shape
        seen = shape.hidden + shape.skip + 2
        self.f0_conv = ChannelsLastConv1d(1, 1, 3, stride=2, padding=1)
        self.energy_conv = ChannelsLastConv1d(1, 1, 3, stride=2, padding=1)
        self.content_conv = ChannelsLastConv1d(shape.content, shape.skip, 1)
        self.encode = _Block(shape.style, shape.content + 2, shape.hidden)
        self.decode = nn.ModuleList(_Block(shape.style, seen, shape.hidden) for _ in range(_BLOCKS - 1))
        self.decode.append(_Block(shape.style, seen, shape.generator, doubles=True))
        self.generator = HarmonicGenerator(shape.style, shape.generator)

    @classmethod
    def from_file(cls, path: Path) -> StyleDecoder:
        """Read a decoder of any shape from a safetensors file, as float32, for inference.

        Raises:
            ValueError: it is no such file, or tensors are missing, unknown or of wrong shapes.
        """
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path.name} is not a safetensors file: {error}") from error
        try:
            decoder = cls(_shape_of(tensors))
            decoder.load_state_dict(tensors)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ValueError(f"{path.name} does not hold a style decoder's weights: {error}") from error
        return decoder.eval().requires_grad_(False)

    def compute_in(self, kind: torch.dtype) -> StyleDecoder:
        """Hold the large layers' weights, and what flows between them, in float32 or bfloat16; return the decoder.

        In bfloat16 the harmonic source, the normalisations and the samples stay float32, and what comes out is 34 dB
        nearer to float32's than it is loud. It takes half the memory and, see `fast_kind`, far less time.
        """
        generator = self.generator
        exact = {self.f0_conv, self.energy_conv, generator.out_conv, *generator.source_convs}
        for layer in self.modules():
            if layer not in exact and isinstance(layer, LAYERS):
                layer.to(kind)
        return self

    def style_parameters(self) -> dict[str, nn.Parameter]:
        """Biases of the adaptive normalisations by name: what an adapted voice replaces besides the style vector."""
        return {name: each for name, each in self.named_parameters() if name.endswith("film.bias")}

    def forward(
        self,
        content: Tensor,
        f0: Tensor,
        energy: Tensor,
        style: Tensor,
        *,
        noise: torch.Generator | None = None,
        turns_before: float = 0.0,
    ) -> Tensor:
        """Speak or sing.

        Args:
            content: (batch, content, T), CONTENT_RATE.
            f0: (batch, 2T), CURVE_RATE, Hz; 0 where unvoiced.
            energy: (batch, 2T), CURVE_RATE, log loudness.
            style: (batch, style).
            noise: source of the noise that the network was trained with in its harmonic source. None leaves it
                out, as the published ONNX graph does, and makes the same of the same every time.


            turns_before: of a window of something longer, `turns_of` the F0 before it: windows that overlap are
                then in phase. In its first and last half frame of F0 a window's harmonics hold still.

        Returns:
            float32 (batch, SAMPLES_PER_FRAME × T), at the ONNX graph's level.

        Raises:
            ValueError: the lengths do not fit together, or there is nothing.
        """
        batch, _, frames = content.shape
        if not frames or {f0.shape, energy.shape} != {(batch, 2 * frames)}:
            raise ValueError(
                f"content of {frames} frames needs F0 and energy of twice as many, not {f0.shape} and {energy.shape}"
            )
        with torch.autocast(content.device.type, enabled=False):
            curves = torch.cat((self.f0_conv(f0[:, :, None]), self.energy_conv(energy[:, :, None])), dim=-1)
        content = content.transpose(1, 2)
        skipped = self.content_conv(content)
        x = self.encode(torch.cat((content, curves), dim=-1), style)
        for block in self.decode:
            x = block(torch.cat((x, skipped, curves), dim=-1), style)
        return cast(Tensor, self.generator(x, style, f0, noise, turns_before))


def fast_kind() -> torch.dtype:
    """The type in which this machine's CPU convolves fastest: bfloat16 where it multiplies that by itself."""
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def _shape_of(tensors: Mapping[str, Tensor]) -> DecoderShape:
    """The shape of the decoder whose weights these are."""
    skip, content, _ = tensors["content_conv.weight"].shape
    generator, _, _ = tensors[f"decode.{_BLOCKS - 1}.conv2.weight"].shape
    hidden, _, _ = tensors["encode.conv2.weight"].shape
    _, style = tensors["encode.norm1.film.weight"].shape
    return DecoderShape(content=content, style=style, hidden=hidden, skip=skip, generator=generator)
