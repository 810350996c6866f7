"""DistillMOS: how natural 7.68 s of speech sound, on the scale of listeners' mean opinions.

Stahl & Gamper, "Distillation and pruning for scalable self-supervised representation-based speech quality
assessment" (2025). A convolutional front on the compressed complex spectrum, a transformer, attention
pooling. The shape is that of variant 7 of the package distillmos, whose weights it loads
(`distillmos.safetensors`, tensors under the checkpoint's own names).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 16_000
SEGMENT = 122_880
"""Samples the network hears at once: 7.68 s."""

_N_FFT = 320
_HOP = 160
_COMPRESSION = 0.3
_CHANNELS = (2, 64, 64, 128, 256, 256, 256)
_WIDTH_IN = 1024
_WIDTH = 200
_POSITIONS = 384


class DistillMOS(nn.Module):
    """Waveform → mean opinion score."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = _SpectralFront()
        self.transformer_pool_attn = _Judge()

    @classmethod
    def load(cls, weights: Path, device: str) -> DistillMOS:
        """The network with the weights of a safetensors file, ready to run on `device`."""
        network = cls()
        network.load_state_dict(load_file(weights))
        # Channels last: a third quicker through the convolutions on a CPU.
        network.cnn.cnn.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval().to(device)

    def forward(self, waves: Tensor) -> Tensor:
        """Segments (batch, 122880) at 16 kHz, any level → scores (batch,), 1 to 5."""
        peaks = waves.abs().amax(dim=1, keepdim=True)
        quality = self.transformer_pool_attn(self.cnn(waves / (peaks + 1e-8)))
        score: Tensor = 1 + 4 * quality
        return score


class _SpectralFront(nn.Module):
    """(batch, samples) → (batch, 384 frames of 20 ms, 1024)."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        last = len(_CHANNELS) - 2
        for index, (before, after) in enumerate(pairwise(_CHANNELS)):
            stride = (1 if index == 0 else 2, 2 if index == last else 1)
            layers += [nn.Conv2d(before, after, (3, 3), stride, padding=(0, 1)), nn.LeakyReLU(0.1)]
        self.cnn = nn.Sequential(*layers)
        self.register_buffer("window", torch.hann_window(_N_FFT), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        edge = (_N_FFT - _HOP) // 2
        padded = functional.pad(waves, (edge, edge), mode="reflect")
        spectrum = torch.stft(padded, _N_FFT, _HOP, window=self.window, center=False, return_complex=True)
        parts = torch.view_as_real(spectrum)
        magnitude = parts.square().sum(dim=-1, keepdim=True).sqrt().clip(min=1e-12)
        compressed = parts * magnitude ** (_COMPRESSION - 1)
        maps: Tensor = self.cnn(compressed.permute(0, 3, 1, 2))
        return maps.flatten(1, 2).transpose(1, 2)


class _Judge(nn.Module):
    """(batch, frames, 1024) → quality (batch,), 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_input = nn.BatchNorm1d(_WIDTH_IN)
        self.transformer = _Transformer()
        self.norm_trans = nn.BatchNorm1d(_WIDTH)
        self.pool = _AttentionPool()

    def forward(self, frames: Tensor) -> Tensor:
        x = _over_channels(self.norm_input, frames)
        x = _over_channels(self.norm_trans, self.transformer(x))
        return torch.sigmoid(self.pool(x))


class _Transformer(nn.Module):
    """(batch, frames, 1024) → (batch, frames, 200)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(_WIDTH_IN)
        self.linear_proj = nn.Linear(_WIDTH_IN, _WIDTH)
        self.position_encoding = _Positions()
        layer = nn.TransformerEncoderLayer(_WIDTH, 8, 2 * _WIDTH, dropout=0.0, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, num_layers=7, enable_nested_tensor=False)

    def forward(self, frames: Tensor) -> Tensor:
        x = self.linear_proj(_over_channels(self.norm, frames))
        encoded: Tensor = self.transformer_encoder(self.position_encoding(x))
        return encoded


class _Positions(nn.Module):
    """Adds the place of each frame; the values come with the weights."""

    pe: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pe", torch.zeros(1, _POSITIONS, _WIDTH))

    def forward(self, frames: Tensor) -> Tensor:
        return frames + self.pe


class _AttentionPool(nn.Module):
    """Weighs the frames and judges their mean (the pooling of NISQA, Mittag et al. 2021): (batch,)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(_WIDTH, 2 * _WIDTH)
        self.linear2 = nn.Linear(2 * _WIDTH, 1)
        self.linear3 = nn.Linear(_WIDTH, 1)

    def forward(self, frames: Tensor) -> Tensor:
        weights = torch.softmax(self.linear2(torch.relu(self.linear1(frames))), dim=1)
        pooled: Tensor = self.linear3((weights * frames).sum(dim=1))
        return pooled.squeeze(1)


def _over_channels(norm: nn.BatchNorm1d, frames: Tensor) -> Tensor:
    """Normalise (batch, frames, channels) over its last axis."""
    normalised: Tensor = norm(frames.transpose(1, 2))
    return normalised.transpose(1, 2)
