"""Spleeter's U-Net: from the magnitudes of a mix to the magnitudes of one stem.

Hennequin, Khlif, Voituret, Moussallam: "Spleeter: a fast and efficient music source separation tool with pre-trained
models", JOSS 5(50), 2020; the network is that of Jansson et al., "Singing voice separation with deep U-Net
convolutional networks", ISMIR 2017. One network a stem, trained on 44.1 kHz stereo.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors.torch import load_file
from torch import Tensor, nn

SAMPLE_RATE = 44100
FFT_SIZE = 4096
HOP = 1024
BINS = 1024
FRAMES_MULTIPLE = 64
_WIDTHS = (2, 16, 32, 64, 128, 256, 512)
_NORM_EPSILON = 1e-3


class _Down(nn.Module):
    """Halves time and frequency: (batch, inputs, t, f) → (batch, outputs, t/2, f/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 5, stride=2)
        self.norm = nn.BatchNorm2d(outputs, eps=_NORM_EPSILON)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the convolution itself, which the decoder sees, and its activation, which the next level sees."""
        # Padding more behind than before is what the weights were trained with.
        raw = self.conv(functional.pad(x, (1, 2, 1, 2)))
        return raw, functional.leaky_relu(self.norm(raw), 0.2)


class _Up(nn.Module):
    """Doubles time and frequency: (batch, inputs, t, f) → (batch, outputs, 2t, 2f).

    The network was trained with transposed convolutions. A 3 × 3 convolution that makes the four phases of the
    output side by side does the same, several times faster on a CPU.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.phases = nn.Conv2d(inputs, 4 * outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs, eps=_NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(functional.pixel_shuffle(self.phases(x), 2).relu())
        return normed


def _phase_kernels(transposed: Tensor) -> Tensor:
    """Kernels of a transposed convolution of size 5 and stride 2 as those of `_Up.phases`.

    The trained layer drops the first and the last two rows and columns of its output. What is left at 2m comes from
    the inputs m - 1 and m through taps 3 and 1, at 2m + 1 from m - 1, m and m + 1 through taps 4, 2 and 0.

    Args:
        transposed: (inputs, outputs, 5, 5).

    Returns:
        (4 × outputs, inputs, 3, 3), in the order of `pixel_shuffle`.
    """
    padded = functional.pad(transposed.transpose(0, 1), (0, 1, 0, 1))
    taps = torch.tensor([[3, 1, 5], [4, 2, 0]])  # 5 is the zero just added
    phases = padded[:, :, taps[:, None, :, None], taps[None, :, None, :]]
    return phases.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).contiguous()


class SpleeterUNet(nn.Module):
    """Estimates one stem's magnitudes in a stereo mix."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_Down(*pair) for pair in pairwise(_WIDTHS))
        outputs = (256, 128, 64, 32, 16, 1)
        inputs = (512, *(2 * width for width in outputs[:-1]))
        self.up = nn.ModuleList(_Up(*pair) for pair in zip(inputs, outputs, strict=True))
        self.mask = nn.Conv2d(1, 2, 4, dilation=2, padding=3)

    @classmethod
    def load(cls, path: Path) -> SpleeterUNet:
        """Read a stem's weights from a safetensors file that has the published checkpoint's tensor names.

        Raises:
            ValueError: tensors are missing, unknown or of another shape.
        """
        network = cls()
        try:
            network.load_state_dict(_own_names(load_file(path)))
        except RuntimeError as error:
            raise ValueError(f"{path.name} does not hold this network's weights: {error}") from error
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own stub
        return network.eval().requires_grad_(False)

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Estimate the stem.

        Args:
            magnitudes: (batch, 2, frames, BINS) of the mix; frames a multiple of FRAMES_MULTIPLE.

        Returns:
            The stem's magnitudes, same shape.
        """
        skips: list[Tensor] = []
        x = magnitudes.contiguous(memory_format=torch.channels_last)  # a fifth less time on a CPU
        for level in self.down:
            raw, x = level(x)
            skips.append(raw)
        x = skips.pop()
        for level in self.up:
            x = level(x)
            if skips:
                x = torch.cat((skips.pop(), x), dim=1)
        return torch.sigmoid(self.mask(x)) * magnitudes


def _own_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The checkpoint's tensors as this module's (the checkpoint numbers levels from 1, and layers by position)."""
    renamed = {}
    for name, tensor in tensors.items():
        block, layer, parameter = name.split(".")
        if block == "up7":
            renamed[f"mask.{parameter}"] = tensor
        elif block.startswith("up"):
            level = f"up.{int(block[2:]) - 1}"
            if layer == "3":
                renamed[f"{level}.norm.{parameter}"] = tensor
            elif parameter == "weight":
                renamed[f"{level}.phases.weight"] = _phase_kernels(tensor)
            else:
                renamed[f"{level}.phases.bias"] = tensor.repeat_interleave(4)
        else:
            number, kind = block.removeprefix("down").split("_")
            renamed[f"down.{int(number) - 1}.{'conv' if kind == 'conv' else 'norm'}.{parameter}"] = tensor
    for name in [name for name in renamed if name.endswith("running_mean")]:
        renamed[name.replace("running_mean", "num_batches_tracked")] = torch.tensor(0)
    return renamed
