"""From what Whisper hears to what Kokoro's decoder is told: content without knowing the words.

A small stack of ConvNeXt blocks (Liu et al. 2022) over time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as functional
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

_METADATA = "content_mapper"


@dataclass(frozen=True, kw_only=True)
class MapperShape:
    """Widths of a ContentMapper.

    Attributes:
        features: inputs a frame.
        content: the decoder's channels.
        phones: how many sounds the second output tells apart.
        width: channels inside.
        expansion: how many times as wide the blocks' inner layers are.
        dilations: one block each.
        kernel: frames of a block's convolution, odd.
    """

    features: int = 1536
    content: int = 512
    phones: int = 64
    width: int = 288
    expansion: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2)
    kernel: int = 5


class _DepthwiseConvolution(nn.Module):
    """Same-length convolution over time, one filter a channel: (batch, frames, width) → the same.

    As a convolution of images one row high, whose channels lie side by side in memory: on a CPU that trains twice as
    fast as in one dimension, and in float32 faster than under autocast.
    """

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, 1, 1, kernel) / kernel**0.5)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        width, reach = len(self.weight), self.dilation * (self.weight.shape[-1] // 2)
        rows = x.to(self.weight.dtype).transpose(1, 2).unsqueeze(2)
        with torch.autocast(x.device.type, enabled=False):
            rows = functional.conv2d(rows, self.weight, padding=(0, reach), dilation=(1, self.dilation), groups=width)
        return rows.squeeze(2).transpose(1, 2)


class _Block(nn.Module):
    """(batch, frames, width) → the same; begins close to the identity."""

    def __init__(self, width: int, inner: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = _DepthwiseConvolution(width, kernel, dilation)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.gelu(self.widen(self.norm(self.depthwise(x))))
        return cast(Tensor, x + self.scale * self.narrow(inner))


class ContentMapper(nn.Module):
    """Whisper's layers → the decoder's content and which sound it is, frame by frame; see `forward`.

    Attributes:
        mean, spread: (content,), of the decoder's content in the training data.
        phones: int64 (phones,), the token of Kokoro's vocabulary that each phone logit stands for.
    """

    mean: Tensor
    spread: Tensor
    phones: Tensor

    def __init__(self, shape: MapperShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or MapperShape()
        self.enter = nn.Linear(shape.features, shape.width)
        inner = shape.width * shape.expansion
        self.blocks = nn.ModuleList(_Block(shape.width, inner, shape.kernel, each) for each in shape.dilations)
        self.norm = nn.LayerNorm(shape.width)
        self.content = nn.Linear(shape.width, shape.content)
        self.logits = nn.Linear(shape.width, shape.phones)
        self.register_buffer("mean", torch.zeros(shape.content))
        self.register_buffer("spread", torch.ones(shape.content))
        self.register_buffer("phones", torch.zeros(shape.phones, dtype=torch.int64))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map.

        Args:
            features: (batch, frames, features), 40 a second; see `inference.conversion.content_input`.

        Returns:
            content (batch, frames, content) in the decoder's own scale, and logits (batch, frames, phones) of the
            sounds in `phones`.
        """
        normal, logits = self.normalised(features)
        return normal.to(self.spread.dtype) * self.spread + self.mean, logits

    def normalised(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, with each channel of the content scaled to mean 0 and spread 1 over the training data."""
        x = self.enter(features)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.content(x), self.logits(x)

    @classmethod
    def from_file(cls, path: Path) -> ContentMapper:
        """Read a mapper of any shape from a safetensors file, as float32, for inference.

        Raises:
            ValueError: the file is no content mapper.
        """
        try:
            with safe_open(path, framework="pt") as file:
                shape = json.loads((file.metadata() or {})[_METADATA])
                mapper = cls(MapperShape(**{**shape, "dilations": tuple(shape["dilations"])}))
                mapper.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
            raise ValueError(f"{path.name} does not hold a content mapper: {error}") from error
        return mapper.eval().requires_grad_(False)

    def save(self, path: Path) -> None:
        """Write a safetensors file that `from_file` reads, with weights in float16."""
        tensors = {
            name: each.to(torch.float16) if each.is_floating_point() else each
            for name, each in self.state_dict().items()
        }
        metadata = {_METADATA: json.dumps(asdict(self.shape))}
        save_file({name: each.contiguous().cpu() for name, each in tensors.items()}, path, metadata=metadata)
