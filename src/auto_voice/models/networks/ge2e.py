"""GE2E speaker encoder: a mel spectrogram of 1.6 s in, a point on the unit sphere out.

The network of Wan et al., "Generalized end-to-end loss for speaker verification" (2018), in the shape and
with the spectrogram of the package Resemblyzer, whose weights it loads (`ge2e.safetensors`, tensors under the
checkpoint's own names).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from auto_voice.models.networks.mel import mel_filterbank

SAMPLE_RATE = 16_000
HOP = 160
"""Samples from one frame of the spectrogram to the next."""
PARTIAL_FRAMES = 160
"""Frames of one partial utterance: 1.6 s, what the network was trained on."""
DIMENSIONS = 256

_N_FFT = 400
_MELS = 40
_TRAINING_ONLY = {"similarity_weight", "similarity_bias"}


class GE2E(nn.Module):
    """Three LSTM layers, the last state projected, rectified and normalised."""

    filters: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_MELS, DIMENSIONS, num_layers=3, batch_first=True)
        self.linear = nn.Linear(DIMENSIONS, DIMENSIONS)
        self.register_buffer("filters", torch.from_numpy(mel_filterbank(SAMPLE_RATE, _N_FFT, _MELS)), persistent=False)
        self.register_buffer("window", torch.hann_window(_N_FFT), persistent=False)

    @classmethod
    def load(cls, weights: Path, device: str) -> GE2E:
        """The network with the weights of a safetensors file, ready to run on `device`."""
        network = cls()
        tensors = load_file(weights)
        network.load_state_dict({name: tensors[name] for name in tensors if name not in _TRAINING_ONLY})
        return network.eval().to(device)

    def spectrogram(self, wave: Tensor) -> Tensor:
        """Mel power spectrogram (no logarithm): (samples,) at 16 kHz → (1 + samples // 160, 40)."""
        spectrum = torch.stft(
            wave, _N_FFT, HOP, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        return (self.filters @ spectrum.abs().square()).T

    def forward(self, mels: Tensor) -> Tensor:
        """Partial utterances (batch, 160, 40) → embeddings (batch, 256), unit norm, none below zero."""
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)
