"""Checkpoints of training runs: written whole or not at all, and resumed by the run that wrote them alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from auto_voice.atomic_file import atomic_write
from auto_voice.errors import InvalidParametersError

_RUN = "run"


def keep(checkpoint: Path, run: str, state: dict[str, Any]) -> None:
    """Write a checkpoint, in place of an earlier one.

    Args:
        run: everything that makes this run what it is; no other may resume from the file.
        state: tensors, numbers and texts, in dictionaries and lists.

    Raises:
        StorageError: it cannot be written.
    """
    with atomic_write(checkpoint) as file:
        torch.save({**state, _RUN: run}, file)


def resume(checkpoint: Path, run: str) -> dict[str, Any]:
    """What `keep` wrote.

    Raises:
        InvalidParametersError: it is the checkpoint of another run, or not one.
    """
    try:
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
        made_with = state[_RUN]
    except Exception as error:  # torch's reader has many errors of its own for damaged files
        raise InvalidParametersError(f"{checkpoint} is not a checkpoint: {error}") from error
    if made_with != run:
        raise InvalidParametersError(
            f"{checkpoint} was made by another run: {made_with}",
            suggestions=["give the same options as before", f"remove {checkpoint} to start anew"],
        )
    return state
