"""What a worker tells others of itself, for the page, `/health` and `/api/v1/audio/voices`."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict
from typing import Any

import psutil

from auto_voice import __version__
from auto_voice.errors import AutoVoiceError
from auto_voice.inference.engine import TTSEngine
from auto_voice.worker.context import WorkerContext

_log = logging.getLogger(__name__)


class Details:
    """Called, it gives the details of this worker for the table of workers.

    They are: version; device ("cpu", "cuda:0"); gpu (None on the CPU, else name, device_count, and
    memory_{total,free,allocated,reserved}_bytes); models (those loaded); voices (the stock voices: name, language,
    gender); memory_bytes (of the process).
    """

    def __init__(self, context: WorkerContext) -> None:
        self._runtime = context.runtime
        self._process = psutil.Process()
        self._voices = _voices(context)

    def __call__(self) -> dict[str, Any]:
        """How it is now."""
        return {
            "version": __version__,
            "device": self._runtime.device,
            "gpu": _gpu(self._runtime.device),
            "models": self._runtime.loaded(),
            "voices": self._voices,
            "memory_bytes": self._process.memory_info().rss,
        }


def _voices(context: WorkerContext) -> list[dict[str, Any]]:
    try:
        engine = TTSEngine(context.settings, runtime=context.runtime)
    except AutoVoiceError as error:
        _log.warning("there are no stock voices: %s", error.message)
        return []
    return [asdict(voice) for voice in engine.voices()]


def _gpu(device: str) -> dict[str, Any] | None:
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda"):
        return None
    free, total = torch.cuda.mem_get_info(device)
    return {
        "name": torch.cuda.get_device_name(device),
        "device_count": torch.cuda.device_count(),
        "memory_total_bytes": total,
        "memory_free_bytes": free,
        "memory_allocated_bytes": torch.cuda.memory_allocated(device),
        "memory_reserved_bytes": torch.cuda.memory_reserved(device),
    }
