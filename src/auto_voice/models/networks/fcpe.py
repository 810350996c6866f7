"""FCPE's network: from a log-mel spectrogram to a salience over pitches.

Luo, Liu, Wei, Yang: "FCPE: A Fast Context-based Pitch Estimation Model", arXiv:2509.15140; the published weights are of
the variant with convolutions alone: a stack of Conformer convolution modules without attention.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors.torch import load_file
from torch import Tensor, nn

from auto_voice.models.networks.mel import mel_filterbank

SAMPLE_RATE = 16000
HOP = 160
CONTEXT_FRAMES = 92
"""How far to each side the network looks: two kernels of 3 and six of 31."""

_FFT = 1024
_MELS = 128
_WIDTH = 512
_LAYERS = 6
_KERNEL = 31
_PITCHES = 360
_LOWEST_HZ, _HIGHEST_HZ = 32.70, 1975.5
_MEL_FLOOR = 1e-5
_PEAK_REACH = 4


class _ConvModule(nn.Module):
    """A Conformer convolution module with its residual: (batch, frames, width) → same."""

    def __init__(self) -> None:
        super().__init__()
        inner = 2 * _WIDTH
        self.norm = nn.LayerNorm(_WIDTH)
        self.expand = nn.Conv1d(_WIDTH, 2 * inner, 1)
        self.depthwise = nn.Conv1d(inner, inner, _KERNEL, padding=_KERNEL // 2, groups=inner)
        self.project = nn.Conv1d(inner, _WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.glu(self.expand(self.norm(x).transpose(1, 2)), dim=1)
        y = self.project(functional.silu(self.depthwise(y)))
        summed: Tensor = x + y.transpose(1, 2)
        return summed


class FCPE(nn.Module):
    """16 kHz sound → pitch and confidence, 100 frames a second, frame i centred at i × 10 ms."""

    mel_filters: Tensor
    window: Tensor
    octaves: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv1d(_MELS, _WIDTH, 3, padding=1)
        self.norm_in = nn.GroupNorm(4, _WIDTH)
        self.conv_mid = nn.Conv1d(_WIDTH, _WIDTH, 3, padding=1)
        self.layers = nn.ModuleList(_ConvModule() for _ in range(_LAYERS))
        self.norm_out = nn.LayerNorm(_WIDTH)
        self.head = nn.Linear(_WIDTH, _PITCHES)
        self.register_buffer(
            "mel_filters", torch.from_numpy(mel_filterbank(SAMPLE_RATE, _FFT, _MELS)), persistent=False
        )
        self.register_buffer("window", torch.hann_window(_FFT), persistent=False)
        limits = torch.tensor([_LOWEST_HZ, _HIGHEST_HZ], dtype=torch.float64).log2()
        octaves = torch.linspace(float(limits[0]), float(limits[1]), _PITCHES, dtype=torch.float64).float()
        self.register_buffer("octaves", octaves, persistent=False)

    @classmethod
    def load(cls, path: Path) -> FCPE:
        """Read the weights from a safetensors file that has the published checkpoint's tensor names.

        Raises:
            ValueError: tensors are missing or of another shape.
        """
        theirs = load_file(path)
        names = {
            "conv_in": "input_stack.0",
            "norm_in": "input_stack.1",
            "conv_mid": "input_stack.3",
            "norm_out": "norm",
        }
        for layer in range(_LAYERS):
            their_layer = f"net.encoder_layers.{layer}.conformer.net"
            parts = {"norm": "0", "expand": "2", "depthwise": "4.conv", "project": "6"}
            names |= {f"layers.{layer}.{mine}": f"{their_layer}.{part}" for mine, part in parts.items()}
        network = cls()
        try:
            state = {
                f"{mine}.{kind}": theirs[f"{their}.{kind}"]
                for mine, their in names.items()
                for kind in ("weight", "bias")
            }
            # The head was trained with weight normalisation: a direction and a length for every pitch.
            direction = functional.normalize(theirs["output_proj.weight_v"], dim=1)
            state["head.weight"] = direction * theirs["output_proj.weight_g"]
            state["head.bias"] = theirs["output_proj.bias"]
            network.load_state_dict(state)
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{path.name} does not hold this network's weights: {error}") from error
        return network.eval().requires_grad_(False)

    def log_mel(self, samples: Tensor) -> Tensor:
        """16 kHz samples (n,) → (frames, 128), frames = n // 160 + 1."""
        # The network was trained to name the pitch half a hop before the middle of its frame.
        before, after = (_FFT - HOP) // 2, (_FFT + HOP) // 2
        padded = functional.pad(samples[None], (before, after), mode="reflect")[0]
        spectrum = torch.stft(padded, _FFT, HOP, window=self.window, center=False, return_complex=True)
        return (self.mel_filters @ spectrum.abs()).clamp(min=_MEL_FLOOR).log().T

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Find the pitch.

        Args:
            samples: float32 (n,), 16 kHz, n at least 593.

        Returns:
            F0 in Hz and its salience (0–1), each (n // 160 + 1,).
        """
        x = self.conv_in(self.log_mel(samples).T[None])
        x = self.conv_mid(functional.leaky_relu(self.norm_in(x))).transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        return self._decode(torch.sigmoid(self.head(self.norm_out(x)))[0])

    def _decode(self, salience: Tensor) -> tuple[Tensor, Tensor]:
        """Centre of gravity of the salience around its peak: (frames, pitches) → Hz and peak, (frames,) each."""
        confidence, peak = salience.max(dim=1)
        nearby = torch.arange(-_PEAK_REACH, _PEAK_REACH + 1, device=salience.device)
        around = (peak[:, None] + nearby).clamp(0, _PITCHES - 1)
        weights = salience.gather(1, around)
        octave = (self.octaves[around] * weights).sum(1) / weights.sum(1)
        return torch.exp2(octave), confidence
