"""What is done once with fetched files, at install: checkpoints become safetensors, graphs are cut.

A step is named in the catalogue, works inside the staging folder, and makes the entry's `derived` files.
Nothing is unpickled freely: `torch.load(weights_only=True)`, with an allow-list where a checkpoint holds
NumPy arrays.
"""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from auto_voice.errors import ModelLoadError

Step = Callable[[Path], None]

# torch's list of allowed types is one per process.
_loading = threading.Lock()


def spleeter(folder: Path) -> None:
    """Both stems' networks; the checkpoints are dictionaries of float32 NumPy arrays."""
    import numpy as np
    from numpy._core.multiarray import _reconstruct

    # The checkpoint was written by NumPy 1, which knew this function by another name.
    rebuild = (_reconstruct, "numpy.core.multiarray._reconstruct")
    allowed = [np.ndarray, np.dtype, np.dtypes.Float32DType, rebuild]
    for stem in ("vocals", "accompaniment"):
        _save(_load(folder / f"{stem}.ckpt", allowed), folder / f"{stem}.safetensors")


def fcpe(folder: Path) -> None:
    """The network under its published names, and the shape and spectrogram it was trained with as JSON."""
    checkpoint = _load(folder / "fcpe_c_v001.pt")
    _save(checkpoint["model"], folder / "fcpe.safetensors")
    config = {name: checkpoint["config_dict"][name] for name in ("mel", "model")}
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def ge2e(folder: Path) -> None:
    """The network alone; most of the checkpoint is the optimiser's state."""
    _save(_load(folder / "pretrained.pt")["model_state"], folder / "ge2e.safetensors")


def distillmos(folder: Path) -> None:
    """The network under its published names."""
    _save(_load(folder / "distill_mos_v7.pt")["model"], folder / "distillmos.safetensors")


def kokoro(folder: Path) -> None:
    """The graph in two halves, between which the melody can be changed, and the second half's weights for torch."""
    import torch

    from auto_voice.models.kokoro_graph import cut
    from auto_voice.models.kokoro_weights import decoder_weights

    cut(folder / "model.onnx", folder / "encoder.onnx", folder / "decoder.onnx")
    weights = decoder_weights(folder / "decoder.onnx")
    # 11 bits are plenty for what was 8; half the size.
    _save({name: torch.from_numpy(array).half() for name, array in weights.items()}, folder / "decoder.safetensors")


STEPS: Mapping[str, Step] = {step.__name__: step for step in (spleeter, fcpe, ge2e, distillmos, kokoro)}


def _load(path: Path, allowed: Sequence[Any] = ()) -> Any:
    import torch

    try:
        with _loading, torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ModelLoadError(f"{path.name} is not a checkpoint of the kind expected") from error


def _save(tensors: Mapping[str, Any], path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({name: torch.as_tensor(tensor).contiguous() for name, tensor in tensors.items()}, path)
