"""16-bit arithmetic where the hardware has it and gains by it."""

from __future__ import annotations

from functools import cache

import torch


def half_precision(device: str, *, wanted: bool = True) -> torch.autocast:
    """Autocast for a network's forward pass: float16 on a GPU, bfloat16 on a CPU with matrix units, else float32.

    A CPU without such units would convert back and forth and be slower than with float32.

    Args:
        device: "cpu" or "cuda:N".
        wanted: what the configuration says (`gpu.mixed_precision`); False leaves everything in float32.
    """
    if device.startswith("cuda"):
        return torch.autocast("cuda", dtype=torch.float16, enabled=wanted)
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=wanted and _has_matrix_units())


@cache
def _has_matrix_units() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))
