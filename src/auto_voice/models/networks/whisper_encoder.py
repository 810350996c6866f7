"""Whisper's encoder, layer by layer, read from a CTranslate2 model file.

Whisper (Radford et al. 2022) hears words in any voice, so the middle of its encoder says what is sung with
little of who sings it. The recogniser sharing the file runs in CTranslate2, which gives its last layer only.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from auto_voice.models.networks.mel import mel_filterbank

SAMPLE_RATE = 16000
HOP_SECONDS = 0.02
MAX_SECONDS = 30.0
_MEL_HOP = 160
_FFT = 400
_HEAD_WIDTH = 64
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_ctranslate2_variables(path: Path, prefix: str) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Yield (name, array) of every variable of a CTranslate2 model file whose name starts with `prefix`.

    Raises:
        ValueError: the file is not of that format.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = 0

        def take(layout: str) -> tuple[int, ...]:
            nonlocal position
            values = struct.unpack_from("<" + layout, data, position)
            position += struct.calcsize("<" + layout)
            return values

        def take_text() -> str:
            nonlocal position
            (length,) = take("H")
            text = data[position : position + length - 1].decode()
            position += length
            return text

        try:
            take("I")
            if not take_text().startswith("Whisper"):
                raise ValueError(f"{path.name} is not a CTranslate2 Whisper model")
            _, count = take("II")
            for _ in range(count):
                name = take_text()
                (rank,) = take("B")
                shape = take(f"{rank}I")
                kind, size = take("BI")
                if name.startswith(prefix) and kind in _DTYPES:
                    yield name, np.frombuffer(data[position : position + size], _DTYPES[kind]).reshape(shape)
                position += size
        except (struct.error, UnicodeDecodeError) as error:
            raise ValueError(f"{path.name} is not a readable CTranslate2 model: {error}") from error


class _Block(nn.Module):
    """One pre-norm transformer layer: (frames, width) → (frames, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn_in = nn.Linear(width, 4 * width)
        self.ffn_out = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        frames, width = x.shape
        query, key, value = (
            part.view(frames, width // _HEAD_WIDTH, _HEAD_WIDTH).transpose(0, 1)
            for part in self.attention_in(self.attention_norm(x)).chunk(3, -1)
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.attention_out(attended.transpose(0, 1).reshape(frames, width))
        fed: Tensor = self.ffn_out(functional.gelu(self.ffn_in(self.ffn_norm(x))))
        return x + fed


class WhisperEncoder(nn.Module):
    """16 kHz speech → hidden states of chosen layers, 50 frames a second, at most 30 s at a time."""

    positions: Tensor
    mel_filters: Tensor
    window: Tensor

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(80, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(layers))
        self.final_norm = nn.LayerNorm(width)
        self.register_buffer("positions", torch.zeros(int(MAX_SECONDS / HOP_SECONDS), width))
        self.register_buffer("mel_filters", torch.from_numpy(mel_filterbank(SAMPLE_RATE, _FFT, 80)))
        self.register_buffer("window", torch.hann_window(_FFT))

    @classmethod
    def from_ctranslate2(cls, path: Path) -> WhisperEncoder:
        """Load the encoder from a float CTranslate2 Whisper `model.bin`.

        Raises:
            ValueError: not such a file, quantised, or not all weights are there.
        """
        variables = {
            name.removeprefix("encoder/"): torch.from_numpy(array.astype(np.float32))
            for name, array in read_ctranslate2_variables(path, "encoder/")
        }
        if any(name.endswith("_scale") for name in variables):
            raise ValueError(f"{path.name} holds quantised weights; a float16 or float32 file is needed")
        layers = len({name.partition("/")[0] for name in variables if name.startswith("layer_")} - {"layer_norm"})
        encoder = cls(len(variables["conv1/bias"]), layers)
        theirs = {"positions": "position_encodings/encodings"}
        theirs |= {"final_norm.weight": "layer_norm/gamma", "final_norm.bias": "layer_norm/beta"}
        theirs |= {f"{conv}.{part}": f"{conv}/{part}" for conv in ("conv1", "conv2") for part in ("weight", "bias")}
        for index in range(layers):
            for mine, name in (
                ("attention_norm", "self_attention/layer_norm"),
                ("attention_in", "self_attention/linear_0"),
                ("attention_out", "self_attention/linear_1"),
                ("ffn_norm", "ffn/layer_norm"),
                ("ffn_in", "ffn/linear_0"),
                ("ffn_out", "ffn/linear_1"),
            ):
                parts = ("gamma", "beta") if mine.endswith("norm") else ("weight", "bias")
                for part, their_part in zip(("weight", "bias"), parts, strict=True):
                    theirs[f"blocks.{index}.{mine}.{part}"] = f"layer_{index}/{name}/{their_part}"
        missing = [name for name in theirs.values() if name not in variables]
        if missing:
            raise ValueError(f"{path.name} lacks {missing[0]} and {len(missing) - 1} more weights")
        state = encoder.state_dict()
        state.update({mine: variables[name] for mine, name in theirs.items()})
        encoder.load_state_dict(state)
        return encoder.eval().requires_grad_(False)

    def log_mel(self, samples: Tensor) -> Tensor:
        """16 kHz samples (n,) → Whisper's log-mel (80, n // 160), scaled about −1…1."""
        with torch.autocast(samples.device.type, enabled=False):
            spectrum = torch.stft(samples, _FFT, _MEL_HOP, window=self.window, return_complex=True)
            mel = self.mel_filters @ spectrum[:, :-1].abs().square()
        log_mel = mel.clamp(min=1e-10).log10()
        return (log_mel.maximum(log_mel.max() - 8.0) + 4.0) / 4.0

    def forward(self, samples: Tensor, layers: tuple[int, ...]) -> Tensor:
        """Hidden states after the given layers (1 = after the first; those of the last are normalised, as for words).

        Args:
            samples: float32 (n,), 16 kHz, at most 30 s and at least 0.05 s.
            layers: which, in rising order, each between 1 and the number of layers.

        Returns:
            (len(layers), frames, width), one frame every 20 ms, frame i centred at (i + 0.5) × 20 ms.
        """
        x = self.log_mel(samples).to(self.conv1.weight.dtype)[None]
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(x))))[0].T
        x = x + self.positions[: len(x)]
        states = []
        for index, block in enumerate(self.blocks, start=1):
            x = block(x)
            if index in layers:
                states.append(self.final_norm(x) if index == len(self.blocks) else x)
        return torch.stack(states)
