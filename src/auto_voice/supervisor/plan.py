"""Which processes a service consists of."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auto_voice.config import Settings

_COUNT_GPUS = "import auto_voice, torch; print(torch.cuda.device_count())"
_COUNT_SECONDS = 120

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A process to keep running.

    Attributes:
        name: for the log; unique.
        module: what Python runs.
        environment: of the process.
    """

    name: str
    module: str
    environment: Mapping[str, str]

    @property
    def is_worker(self) -> bool:
        """Whether it takes jobs."""
        return self.module == "auto_voice.worker"


def web_plan(environment: Mapping[str, str]) -> Plan:
    """The web server; it starts its own web processes."""
    return Plan(name="web", module="auto_voice.web.server", environment=environment)


def worker_plans(settings: Settings, environment: Mapping[str, str], count: int | None = None) -> list[Plan]:
    """The workers: one for each GPU, or else `limits.worker_threads` that share the processor's cores.

    Args:
        settings: say where models run, and how many workers the processor gets.
        environment: of every worker.
        count: so many workers, whatever the settings say.
    """
    gpus = visible_gpus(settings, environment)
    number = count or len(gpus) or settings.limits.worker_threads
    return [
        Plan(
            name=f"worker {index + 1}",
            module="auto_voice.worker",
            environment={**environment, **_share(index, number, gpus, environment)},
        )
        for index in range(number)
    ]


def visible_gpus(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """The GPUs that workers may use, as CUDA_VISIBLE_DEVICES names them; none where models run on the processor."""
    if settings.gpu.device == "cpu" or not _has_driver():
        return []
    count = _count_gpus(environment)
    named = environment.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
    return named.split(",")[:count]


def _count_gpus(environment: Mapping[str, str]) -> int:
    """How many GPUs PyTorch can use. It is asked in a process of its own, which keeps it out of this one."""
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _COUNT_GPUS],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_COUNT_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        _log.warning("the GPUs could not be counted, so the models run on the processor: %s", error)
        return 0
    return int(asked.stdout)


def _share(index: int, number: int, gpus: list[str], environment: Mapping[str, str]) -> dict[str, str]:
    """What is different for each worker: its GPU, and its part of the processor."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = max(1, cores // number)
    share = {"OMP_NUM_THREADS": environment.get("OMP_NUM_THREADS", str(threads))}
    if gpus:
        # The one GPU that the worker sees has number 0 there.
        share |= {"CUDA_VISIBLE_DEVICES": gpus[index % len(gpus)], "AUTOVOICE__GPU__DEVICE_ID": "0"}
    return share


def _has_driver() -> bool:
    return shutil.which("nvidia-smi") is not None or any(map(Path.exists, map(Path, ("/dev/nvidiactl", "/dev/dxg"))))
