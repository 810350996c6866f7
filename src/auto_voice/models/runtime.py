"""Models in memory: each loaded once, when first needed, shared by whoever leases it, unloaded when idle.

A stage never loads a model on import or in its constructor. It writes

    def work(device: str, scale: float) -> Result:
        with runtime.lease("whisper-base", load) as model:
            ...

    runtime.run(work, "content features")

and need not know of devices: inside `run`, leases load where that attempt runs.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from auto_voice.errors import AutoVoiceError, ModelLoadError, OutOfMemoryError
from auto_voice.features import RuntimeEvent

if TYPE_CHECKING:
    from auto_voice.config import Settings

T = TypeVar("T")

SCALES = (1.0, 0.5, 0.25)
"""How much of the usual batch or chunk an attempt takes, from the first to the last."""

_MEMORY_MESSAGES = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "failed to allocate memory",
)

_attempt_device: ContextVar[str | None] = ContextVar("auto_voice_attempt_device", default=None)


@dataclass
class _Slot:
    """One model on one device. `lock` is held while it loads, so a second thread waits for the same load."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    model: Any = None
    loaded: bool = False
    leases: int = 0
    last_used: float = 0.0


class ModelRuntime:
    """Owner of every loaded model. Thread-safe; one per process is enough, and sharing it is the point.

    Args:
        settings: `gpu` says where models run, `storage.models_dir` where they are installed, and
            `models.idle_unload_seconds` how long one that is not used stays loaded.
        device: overrides `gpu.device`: "auto", "cpu", "cuda" or "cuda:N".
        clock: seconds, monotonic.

    Attributes:
        mixed_precision: networks may compute in 16 bits on a GPU (`gpu.mixed_precision`).

    Raises:
        ModelLoadError: a GPU was asked for, there is none, and `gpu.allow_fallback` is off.
    """

    def __init__(
        self,
        settings: Settings,
        device: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models_dir = Path(settings.storage.models_dir)
        self._allow_fallback = settings.gpu.allow_fallback
        self._idle_seconds = settings.models.idle_unload_seconds
        self._clock = clock
        self.mixed_precision = settings.gpu.mixed_precision
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._events: list[RuntimeEvent] = []
        self._lock = threading.Lock()
        self._device = self._resolve(device or settings.gpu.device, settings.gpu.device_id)

    @property
    def device(self) -> str:
        """Where models run: "cpu" or "cuda:N". Inside `run` it is the device of the current attempt."""
        return _attempt_device.get() or self._device

    @property
    def events(self) -> list[RuntimeEvent]:
        """Every fallback since the last `drain_events`, oldest first (a copy)."""
        with self._lock:
            return list(self._events)

    def drain_events(self) -> list[RuntimeEvent]:
        """Take the events recorded so far; they are not returned again."""
        with self._lock:
            taken, self._events = self._events, []
        return taken

    def loaded(self) -> list[str]:
        """The models in memory, sorted."""
        with self._lock:
            return sorted({key for (key, _), slot in self._slots.items() if slot.loaded})

    def model_file(self, model_id: str, file_name: str) -> Path:
        """Path of an installed model's file.

        Raises:
            ModelLoadError: it is not installed; the message says how to install it.
        """
        path = self._models_dir / model_id / file_name
        if not path.is_file():
            # An older version may have installed the model, which then lacks what is derived by this one.
            state = "is not installed completely" if path.parent.is_dir() else "is not installed"
            raise ModelLoadError(
                f"model {model_id!r} {state}: there is no {file_name}",
                suggestions=[f"autovoice models fetch {model_id}", "autovoice models import BUNDLE"],
            )
        return path

    @contextmanager
    def lease(self, key: str, load: Callable[[str], T]) -> Iterator[T]:
        """Lend the model `key` for the `with` block, calling `load(device)` if it is not in memory.

        Threads that lease the same key at once share one load. If `load` raises, the next lease tries again.

        Raises:
            ModelLoadError: the model is not installed, or what is installed is damaged.
        """
        self.unload_idle()
        device = self.device
        with self._lock:
            slot = self._slots.setdefault((key, device), _Slot())
            slot.leases += 1
        try:
            with slot.lock:
                if not slot.loaded:
                    slot.model = _loaded(key, load, device)
                    slot.loaded = True
            yield slot.model
        finally:
            with self._lock:
                slot.leases -= 1
                slot.last_used = self._clock()

    def run(self, work: Callable[[str, float], T], what: str) -> T:
        """Do `work(device, scale)`; when memory runs out, again with a smaller scale, then on the CPU.

        Args:
            work: scale is 1.0 for the usual batch or chunk size, 0.5 or 0.25 for a part of it.
            what: names the work in the recorded event and in the error.

        Raises:
            OutOfMemoryError: there was not enough memory at any attempt allowed by `gpu.allow_fallback`.
        """
        attempts = [(self._device, scale) for scale in SCALES]
        if self._device != "cpu" and self._allow_fallback:
            attempts += [("cpu", scale) for scale in SCALES]
        for index, (device, scale) in enumerate(attempts):
            if index:
                self._unload(idle_for=0.0)
                _release_memory()  # of the attempt that failed, too
                self._record(f"not enough memory for {what}", retried_on=device, scale=f"{scale:g}")
            token = _attempt_device.set(device)
            try:
                return work(device, scale)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            finally:
                _attempt_device.reset(token)
        raise OutOfMemoryError(
            f"not enough memory for {what} on {self._device}, even in the smallest parts",
            suggestions=["close other programs, use a shorter recording or a faster preset"]
            + ([] if self._allow_fallback else ["set gpu.allow_fallback: true to finish on the CPU"]),
        )

    def unload_idle(self) -> None:
        """Unload every model that nobody holds and nobody leased for so long that it is idle."""
        self._unload(idle_for=self._idle_seconds)

    def close(self) -> None:
        """Unload every model that nobody holds."""
        self._unload(idle_for=0.0)

    def _unload(self, idle_for: float) -> None:
        deadline = self._clock() - idle_for
        with self._lock:
            gone = [key for key, slot in self._slots.items() if not slot.leases and slot.last_used <= deadline]
            for key in gone:
                del self._slots[key]
        if gone:
            _release_memory()

    def _record(self, what: str, **details: str) -> None:
        with self._lock:
            self._events.append(RuntimeEvent(what=what, details=details))

    def _resolve(self, wanted: str, device_id: int) -> str:
        if wanted == "cpu":
            return "cpu"
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = int(wanted.partition(":")[2] or device_id)
        if index < count:
            return f"cuda:{index}"
        if wanted == "auto":
            return "cpu"
        reason = f"cuda:{index} was asked for, but this machine offers {count} CUDA devices"
        if not self._allow_fallback:
            raise ModelLoadError(reason, suggestions=["set gpu.device: auto", "set gpu.allow_fallback: true"])
        self._record(reason, used="cpu")
        return "cpu"


def _release_memory() -> None:
    """Give back what nobody refers to any more; torch keeps a GPU's memory until it is told."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _loaded(key: str, load: Callable[[str], T], device: str) -> T:
    """What `load` returns. Weights' readers have errors of their own for damaged files; those become ours."""
    try:
        return load(device)
    except AutoVoiceError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelLoadError(
            f"model {key!r} is installed but cannot be loaded: {type(error).__name__}: {error}",
            suggestions=["autovoice models verify", "autovoice models fetch --force"],
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of NumPy, torch, CTranslate2 or ONNX Runtime says that memory ran out.

    torch says it by type on CUDA and by text on the CPU; the others say it by text alone.
    """
    if isinstance(error, OutOfMemoryError):
        return False
    if isinstance(error, MemoryError):
        return True
    runtime_error = isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime")
    return runtime_error and any(text in str(error).lower() for text in _MEMORY_MESSAGES)
