"""A real service for a test: `autovoice serve` in processes of its own, with engines that take no time and no weights.

    with running_service(tmp_path) as service:
        requests.get(f"{service.url}/health")

It has its own folders and port, and is gone when the block ends, whatever happens.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import requests

from auto_voice.config import Settings, load_settings
from auto_voice.database import Database, open_database
from auto_voice.database.schema import prepare
from auto_voice.jobs.job import ENDED, Job, NewJob, new_job_id
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.profiles import VoiceProfile
from auto_voice.storage.paths import Paths
from conftest import INSTALLED_MODELS
from simple_engines import make_profile, song, wav

TESTS = Path(__file__).parent
ENGINES = TESTS / "service_engines"
POISON_RATE = 11025
"""A song of this rate kills every worker that begins with it."""
START_SECONDS = 90.0
"""The machine may be busy, and a worker imports PyTorch."""

_CHOSEN_ENGINES = {"separation_model": "middle", "pitch_engine": "peak", "converter": "turning"}
_Found = TypeVar("_Found")


def until(condition: Callable[[], _Found], what: str, seconds: float = START_SECONDS) -> _Found:
    """Wait until the condition gives something true, and return that; fails the test after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """A running service, seen from its test.

    Attributes:
        url: where it listens, without a slash at the end.
        settings: in force in all its processes.
        environment: of its processes.
        database: its own connection to the service's database.
        store: the service's jobs.
        orders: see `service_engines/paced_engines.py`.
        log: what all its processes write.
        process: the supervisor.
    """

    url: str
    settings: Settings
    environment: dict[str, str]
    database: Database
    store: JobStore
    orders: Path
    log: Path
    arguments: Sequence[str] = ("serve",)
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self.process.pid

    def worker_pids(self) -> list[int]:
        """Process ids of the workers there are now."""
        return [each.pid for each in self._children("auto_voice.worker")]

    def web_pids(self) -> list[int]:
        """Process ids of the web server (first) and the web processes it has started."""
        return [
            pid
            for server in self._children("auto_voice.web.server")
            for pid in (server.pid, *sorted(child.pid for child in server.children(recursive=True)))
        ]

    def start(self) -> None:
        """Start the supervisor."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "auto_voice.cli", *self.arguments], env=self.environment, stdout=log, stderr=log
            )

    def wait_until_ready(self, workers: int = 1) -> None:
        """Wait until the web processes answer and so many workers take jobs."""
        if "serve" in self.arguments:
            until(self._answers, f"an answer from {self.url}")
        until(lambda: len(self.ready_workers()) >= workers, "a worker that is ready")

    def ready_workers(self) -> list[int]:
        """Process ids of the workers that take jobs now."""
        running = set(self.worker_pids())
        registered = WorkerRegistry(self.database).alive(START_SECONDS)
        return [each.process_id for each in registered if each.state == "ready" and each.process_id in running]

    def stop(self, seconds: float = 60.0) -> int:
        """Stop it as an operator does; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def profile(self, name: str = "Ada", user_id: str = "default") -> VoiceProfile:
        """A voice for conversions."""
        return make_profile(self.settings, name, user_id)

    def submit_song(self, profile: VoiceProfile, sound: bytes | None = None, **parameters: Any) -> Job:
        """A conversion put into the table as the web processes do it; `sound` is two seconds of a song if not given."""
        job_id = new_job_id()
        folder = Paths(self.settings).job_dir(job_id)
        folder.mkdir(parents=True)
        Paths(self.settings).job_input(job_id).write_bytes(wav(song(2.0)) if sound is None else sound)
        wanted = {
            "profile_id": profile.profile_id,
            "vocal_volume": 1.0,
            "instrumental_volume": 0.9,
            "pitch_shift": 0.0,
            "preset": None,
            "return_stems": False,
            "use_cache": True,
            "output_format": "wav",
            "song_name": "song.wav",
            "user_id": profile.user_id,
        }
        new = NewJob(
            kind="conversion",
            owner=profile.user_id,
            job_id=job_id,
            profile_id=profile.profile_id,
            parameters={**wanted, **parameters},
            work_seconds=2.0,
        )
        return self.store.create(new)[0]

    def wait_for(self, job_id: str, seconds: float = START_SECONDS) -> Job:
        """Wait until the job has ended, however."""

        def ended() -> Job | None:
            job = self.store.get(job_id)
            return job if job.state in ENDED else None

        return until(ended, f"the end of {job_id}", seconds)

    def order_death(self, engine: str, place: str) -> Path:
        """Have the worker killed when that engine comes to that place next; the file is gone when it was done."""
        order = self.orders / f"kill-{engine}-{place}"
        order.touch()
        return order

    def _children(self, module: str) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.process.pid).children()
            return [child for child in children if _runs(child, module)]
        return []

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"the service ended: {self.log.read_text()}"
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"{self.url}/health", timeout=10)
            return True
        return False


@contextlib.contextmanager
def running_service(
    folder: Path,
    settings: Mapping[str, object] | None = None,
    *,
    web: bool = True,
    workers: int = 1,
    engine_seconds: float = 0.0,
    weights: Collection[str] = ("silero-vad", "ge2e"),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """A service with tiny engines, ready to be asked; stopped, or killed, when the block ends.

    Args:
        folder: for its data; the test's `tmp_path`.
        settings: by dotted name, over the local defaults: {"jobs.lease_seconds": 2}.
        web: run the web processes, too; without them it starts sooner.
        workers: how many worker processes.
        engine_seconds: how long each engine works on a song.
        weights: installed models that it may use; speech and conversions need none, cloning needs the default two,
            scores come only with those they need.
        environment: further variables of its processes.
    """
    service = make_service(
        folder,
        settings,
        web=web,
        workers=workers,
        engine_seconds=engine_seconds,
        weights=weights,
        environment=environment,
    )
    service.start()
    try:
        service.wait_until_ready(workers)
        yield service
    except BaseException:
        print(service.log.read_text(errors="replace")[-8000:])
        raise
    finally:
        end(service)


def make_service(
    folder: Path,
    settings: Mapping[str, object] | None = None,
    *,
    web: bool = True,
    workers: int = 1,
    engine_seconds: float = 0.0,
    weights: Collection[str] = ("silero-vad", "ge2e"),
    environment: Mapping[str, str] | None = None,
) -> Service:
    """As `running_service`, but not started; whoever starts it gives it to `end` afterwards."""
    port, orders = free_port(), folder / "orders"
    orders.mkdir(parents=True, exist_ok=True)
    given: dict[str, object] = {
        "server.port": port,
        "server.shutdown_timeout": 20,
        "storage.data_dir": folder / "data",
        "storage.models_dir": _linked_models(folder / "models", weights),
        "limits.worker_threads": workers,
        "gpu.device": "cpu",
        "tts.engine": "humming",
        "jobs.lease_seconds": 3,
        "security.rate_limiting_enabled": False,
        **{
            f"quality.presets.{preset}.{key}": name
            for preset in ("fast", "balanced", "quality")
            for key, name in _CHOSEN_ENGINES.items()
        },
        **(settings or {}),
    }
    processes = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUTOVOICE")},
        **{f"AUTOVOICE__{name.replace('.', '__').upper()}": _text(value) for name, value in given.items()},
        "PYTHONPATH": os.pathsep.join([str(ENGINES), str(TESTS)]),
        "OMP_NUM_THREADS": "1",
        "SERVICE_ENGINES_SECONDS": str(engine_seconds),
        "SERVICE_ENGINES_ORDERS": str(orders),
        "SERVICE_ENGINES_POISON": str(POISON_RATE),
        **(environment or {}),
    }
    loaded = load_settings(environment=processes)
    database = open_database(loaded)
    prepare(database)  # so that jobs can be made before it is started
    return Service(
        url=f"http://127.0.0.1:{port}",
        settings=loaded,
        environment=processes,
        database=database,
        store=JobStore(loaded, database),
        orders=orders,
        log=folder / "service.log",
        arguments=("serve",) if web else ("worker",),
    )


def end(service: Service) -> None:
    """Have nothing of the service left running."""
    families = [service.process.pid, *service.worker_pids(), *service.web_pids()]
    running = [psutil.Process(pid) for pid in families if psutil.pid_exists(pid)]
    if service.process.poll() is None:
        service.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.process.wait(30)
    for each in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    service.process.wait(10)
    service.database.dispose()


def _linked_models(folder: Path, weights: Collection[str]) -> Path:
    """A folder of models that holds those of the installed ones that are wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in weights:
        if (INSTALLED_MODELS / name).exists() and not (folder / name).exists():
            (folder / name).symlink_to(INSTALLED_MODELS / name)
    return folder


def _runs(process: psutil.Process, module: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return module in process.cmdline()
    return False


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)
