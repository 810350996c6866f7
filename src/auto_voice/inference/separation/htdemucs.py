"""Hybrid Transformer Demucs (Rouard, Massa, Défossez, ICASSP 2023) through the `demucs` package.

Slower and better than the embedded network. Its weights are not part of an installation; until they are fetched the
embedded network serves in their place, and every result says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from auto_voice.audio import Audio, Samples
from auto_voice.errors import ModelLoadError
from auto_voice.features import Progress, Stems, no_progress
from auto_voice.inference.separation import Separator
from auto_voice.inference.separation.spleeter import SpleeterSeparator
from auto_voice.inference.separation.stereo import NETWORK_RATE, separate_with

if TYPE_CHECKING:
    from demucs.htdemucs import HTDemucs

    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

# `htdemucs_ft` is four networks, each tuned to one stem and heard for that stem alone; this is the one for vocals.
VOCAL_NETWORKS = {"htdemucs": "955717e8.safetensors", "htdemucs_ft": "04573f0d.safetensors"}
_NETWORK_CLASS = "demucs.htdemucs.HTDemucs"
_SEGMENT_OVERLAP = 0.25
_WINDOW_SECONDS = 60
_WINDOW_OVERLAP_SECONDS = 4


class DemucsSeparator:
    """Separates with a network of the `demucs` package. Thread-safe.

    Args:
        name: a key of VOCAL_NETWORKS.
        runtime: lends the network.
        shifts: time-shifted passes that are averaged; 0 or 1 is a single pass.
    """

    def __init__(self, name: str, runtime: ModelRuntime, shifts: int = 1) -> None:
        self.name = name
        self._runtime = runtime
        self._shifts = max(shifts, 1)

    def separate(self, mix: Audio, progress: Progress = no_progress) -> Stems:
        """Take a song apart; see `Separator`.

        Shifts are random, so that results differ slightly from run to run.
        """
        level = float(mix.mono().std()) if mix.frames else 0.0
        offset = float(mix.mono().mean()) if mix.frames else 0.0

        def work(device: str, scale: float) -> Stems:
            with self._runtime.lease(self.name, self._load) as network, torch.inference_mode():

                def vocals(stereo: Samples, window_progress: Progress) -> Samples:
                    # The network was trained on songs of zero mean and unit deviation.
                    normal = torch.from_numpy((stereo - offset) / (level + 1e-8))
                    estimate = _vocals(network, normal, device, self._shifts, window_progress)
                    scaled: Samples = estimate * np.float32(level)
                    return scaled

                return separate_with(
                    vocals,
                    self.name,
                    mix,
                    window_seconds=round(_WINDOW_SECONDS * scale),
                    overlap_seconds=_WINDOW_OVERLAP_SECONDS,
                    progress=progress,
                )

        return self._runtime.run(work, "separation")

    def _load(self, device: str) -> HTDemucs:
        path = self._runtime.model_file(self.name, VOCAL_NETWORKS[self.name])
        return load_network(path).to(device)


def load_network(path: Path) -> HTDemucs:
    """Read a network from a safetensors file whose metadata holds its class and arguments, as demucs 4.1 publishes it.

    Raises:
        ModelLoadError: the file is not of that kind, is of another class, or does not give vocals of 44.1 kHz stereo.
    """
    from demucs.hf import load_safetensors_model
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
        # The loader imports whatever class the file names, so the name is checked first.
        if metadata.get("klass") != _NETWORK_CLASS or "structure" in metadata:
            raise ValueError(f"its network is {metadata.get('klass')!r}, not {_NETWORK_CLASS!r}")
        network: Any = load_safetensors_model(path)
        if "vocals" not in network.sources or (network.samplerate, network.audio_channels) != (NETWORK_RATE, 2):
            raise ValueError("it does not separate vocals of 44.1 kHz stereo")
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelLoadError(f"{path.name} cannot be used: {error}") from error
    loaded: HTDemucs = network.eval().requires_grad_(False)
    return loaded


def create_htdemucs(settings: Settings, runtime: ModelRuntime) -> Separator:
    """Factory of the separator `htdemucs`."""
    return _create("htdemucs", settings, runtime)


def create_htdemucs_ft(settings: Settings, runtime: ModelRuntime) -> Separator:
    """Factory of the separator `htdemucs_ft`."""
    return _create("htdemucs_ft", settings, runtime)


def _create(name: str, settings: Settings, runtime: ModelRuntime) -> Separator:
    """The separator itself, or the embedded one with a warning where its weights are not installed."""
    try:
        runtime.model_file(name, VOCAL_NETWORKS[name])
    except ModelLoadError:
        warning = (
            f"The separation model {name} is not installed; the embedded model {SpleeterSeparator.name} was used."
            f" Install it with: autovoice models fetch {name}"
        )
        return SpleeterSeparator(runtime, warnings=(warning,))
    preset = settings.quality.presets[settings.quality.default_preset]
    return DemucsSeparator(name, runtime, preset.separation_shifts)


def _vocals(network: HTDemucs, mix: torch.Tensor, device: str, shifts: int, progress: Progress) -> Samples:
    """Vocals of one window of normalised 44.1 kHz stereo, (2, n) → (2, n)."""
    from demucs.apply import apply_model

    def follow(event: dict[str, Any]) -> None:
        done = min(event["segment_offset"] / mix.shape[1], 1.0)
        progress((event["shift_idx"] + done) / shifts)

    sources = apply_model(network, mix[None], shifts=shifts, overlap=_SEGMENT_OVERLAP, device=device, callback=follow)
    vocals: Samples = sources[0, network.sources.index("vocals")].cpu().numpy()
    return vocals
