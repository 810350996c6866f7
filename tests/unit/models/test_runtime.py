"""Models in memory: loaded once, lent, unloaded when idle; and what happens when memory runs out."""

from __future__ import annotations

import gc
import io
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from auto_voice.config import Settings, load_settings
from auto_voice.errors import ModelLoadError, OutOfMemoryError
from auto_voice.models.runtime import ModelRuntime, is_out_of_memory


class Model:
    """Something that can be told apart and weakly referred to."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has one GPU. Nothing is ever put on it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)


def settings_with(tmp_path: Path, **gpu: str) -> Settings:
    keys = {f"AUTOVOICE__GPU__{name.upper()}": value for name, value in gpu.items()}
    return load_settings(environment={"AUTOVOICE__STORAGE__DATA_DIR": str(tmp_path), **keys})


class TestLease:
    def test_loads_when_first_needed_and_only_then(self, runtime: ModelRuntime) -> None:
        loads: list[str] = []

        def load(device: str) -> Model:
            loads.append(device)
            return Model(device)

        assert loads == []
        with runtime.lease("m", load) as first, runtime.lease("m", load) as second:
            assert first is second
        assert loads == [runtime.device]

    def test_threads_that_ask_at_once_share_one_load(self, runtime: ModelRuntime) -> None:
        together = threading.Barrier(8)
        loads: list[str] = []

        def use(_: int) -> int:
            together.wait(timeout=10)
            with runtime.lease("m", lambda device: loads.append(device) or Model()) as model:  # type: ignore[func-returns-value]
                return id(model)

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(use, range(8)))) == 1
        assert len(loads) == 1

    def test_different_models_load_side_by_side(self, runtime: ModelRuntime) -> None:
        meeting = threading.Barrier(2)  # breaks, and the test fails, if one load waits for the other

        def use(key: str) -> None:
            with runtime.lease(key, lambda _: meeting.wait(timeout=10)):
                pass

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(use, ["a", "b"]))

    def test_a_load_that_failed_is_tried_again(self, runtime: ModelRuntime) -> None:
        def fail(_: str) -> Model:
            raise ModelLoadError("not this time")

        with pytest.raises(ModelLoadError, match="not this time"), runtime.lease("m", fail):
            pass
        with runtime.lease("m", Model) as model:
            assert isinstance(model, Model)

    def test_an_idle_model_is_unloaded_at_the_next_lease(self, settings: Settings) -> None:
        clock = Clock()
        runtime = ModelRuntime(settings, "cpu", clock=clock)
        with runtime.lease("old", Model) as model:
            old = weakref.ref(model)
        del model
        clock.now += settings.models.idle_unload_seconds - 1
        with runtime.lease("new", Model):
            assert old() is not None
        clock.now += 1
        with runtime.lease("new", Model):
            assert old() is None

    def test_a_model_in_use_is_never_idle(self, settings: Settings) -> None:
        clock = Clock()
        runtime = ModelRuntime(settings, "cpu", clock=clock)
        with runtime.lease("m", Model) as model:
            clock.now += 10 * settings.models.idle_unload_seconds
            runtime.unload_idle()
            runtime.close()
            with runtime.lease("m", Model) as again:
                assert again is model

    def test_close_frees_what_nobody_holds(self, runtime: ModelRuntime) -> None:
        with runtime.lease("m", Model) as model:
            kept = weakref.ref(model)
        del model
        runtime.close()
        assert kept() is None


class TestModelFile:
    def test_names_the_remedy_where_a_model_is_not_installed(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path))
        with pytest.raises(ModelLoadError, match="'ge2e' is not installed") as caught:
            runtime.model_file("ge2e", "ge2e.safetensors")
        assert "autovoice models fetch ge2e" in caught.value.suggestions

    def test_names_the_remedy_where_an_older_version_installed_less(self, tmp_path: Path) -> None:
        settings = settings_with(tmp_path)
        (settings.storage.models_dir / "ge2e").mkdir(parents=True)
        with pytest.raises(ModelLoadError, match=r"not installed completely: there is no ge2e\.safetensors") as caught:
            ModelRuntime(settings).model_file("ge2e", "ge2e.safetensors")
        assert "autovoice models fetch ge2e" in caught.value.suggestions

    def test_finds_an_installed_file(self, tmp_path: Path) -> None:
        settings = settings_with(tmp_path)
        file = settings.storage.models_dir / "ge2e" / "ge2e.safetensors"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"weights")
        assert ModelRuntime(settings).model_file("ge2e", "ge2e.safetensors") == file


class TestDevice:
    @pytest.mark.usefixtures("with_gpu")
    @pytest.mark.parametrize(("wanted", "got"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cpu", "cpu")])
    def test_on_a_machine_with_a_gpu(self, tmp_path: Path, wanted: str, got: str) -> None:
        assert ModelRuntime(settings_with(tmp_path, device=wanted)).device == got

    def test_a_gpu_that_is_not_there_is_replaced_and_said_so(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path, device="cuda", device_id="7"))
        assert runtime.device == "cpu"
        assert "cuda:7 was asked for" in runtime.events[0].what

    def test_without_fallback_a_gpu_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        settings = settings_with(tmp_path, device="cuda", device_id="7", allow_fallback="false")
        with pytest.raises(ModelLoadError, match="cuda:7 was asked for"):
            ModelRuntime(settings)

    def test_auto_takes_the_cpu_without_a_word(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        runtime = ModelRuntime(settings_with(tmp_path))
        assert runtime.device == "cpu"
        assert runtime.events == []


def test_a_damaged_model_is_named_with_the_remedy(runtime: ModelRuntime) -> None:
    def read_damaged(device: str) -> object:
        return torch.load(io.BytesIO(b"no weights at all"), weights_only=True)

    with (
        pytest.raises(ModelLoadError, match="'m' is installed but cannot be loaded") as caught,
        runtime.lease("m", read_damaged),
    ):
        pass
    assert any("models verify" in suggestion for suggestion in caught.value.suggestions)


def failing(times: int, error: Callable[[], Exception]) -> tuple[Callable[[str, float], str], list[tuple[str, float]]]:
    """Work that fails so many times, and the attempts it saw."""
    attempts: list[tuple[str, float]] = []

    def work(device: str, scale: float) -> str:
        attempts.append((device, scale))
        if len(attempts) <= times:
            raise error()
        return "done"

    return work, attempts


def cuda_out_of_memory() -> Exception:
    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class TestRun:
    def test_work_that_fits_runs_once_at_full_scale(self, runtime: ModelRuntime) -> None:
        work, attempts = failing(0, MemoryError)
        assert runtime.run(work, "the test") == "done"
        assert attempts == [(runtime.device, 1.0)]
        assert runtime.events == []

    def test_out_of_memory_is_retried_smaller_and_recorded(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path, device="cpu"))
        work, attempts = failing(2, MemoryError)
        assert runtime.run(work, "the separation") == "done"
        assert attempts == [("cpu", 1.0), ("cpu", 0.5), ("cpu", 0.25)]
        assert [event.details["scale"] for event in runtime.events] == ["0.5", "0.25"]
        assert "not enough memory for the separation" in runtime.events[0].what

    @pytest.mark.usefixtures("with_gpu")
    def test_a_gpu_without_room_hands_over_to_the_cpu(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path))
        work, attempts = failing(3, cuda_out_of_memory)
        assert runtime.run(work, "the test") == "done"
        assert attempts == [("cuda:0", 1.0), ("cuda:0", 0.5), ("cuda:0", 0.25), ("cpu", 1.0)]
        assert runtime.drain_events()[-1].details["retried_on"] == "cpu"
        assert runtime.drain_events() == []

    @pytest.mark.usefixtures("with_gpu")
    def test_leases_follow_the_attempt_to_its_device(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path))

        def work(device: str, scale: float) -> str:
            with runtime.lease("m", Model) as model:
                assert model.device == runtime.device == device
                if device != "cpu":
                    raise cuda_out_of_memory()
            return device

        assert runtime.run(work, "the test") == "cpu"
        assert runtime.device == "cuda:0"

    @pytest.mark.usefixtures("with_gpu")
    def test_without_fallback_it_ends_on_the_gpu(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path, allow_fallback="false"))
        work, attempts = failing(99, cuda_out_of_memory)
        with pytest.raises(OutOfMemoryError, match="not enough memory for the test on cuda:0") as caught:
            runtime.run(work, "the test")
        assert {device for device, _ in attempts} == {"cuda:0"}
        assert any("allow_fallback" in text for text in caught.value.suggestions)

    def test_when_nothing_helps_the_error_says_so(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path, device="cpu"))
        work, attempts = failing(99, MemoryError)
        with pytest.raises(OutOfMemoryError):
            runtime.run(work, "the test")
        assert len(attempts) == 3

    def test_other_errors_are_not_retried(self, runtime: ModelRuntime) -> None:
        work, attempts = failing(99, lambda: RuntimeError("shapes do not match"))
        with pytest.raises(RuntimeError, match="shapes"):
            runtime.run(work, "the test")
        assert len(attempts) == 1

    def test_what_the_failed_attempt_held_is_free_before_the_next(self, tmp_path: Path) -> None:
        runtime = ModelRuntime(settings_with(tmp_path, device="cpu"))
        held: list[weakref.ref[Model]] = []
        alive: list[bool] = []

        def work(device: str, scale: float) -> None:
            alive.extend(reference() is not None for reference in held)
            buffer = Model()
            cycle: list[object] = [buffer]
            cycle.append(cycle)
            held.append(weakref.ref(buffer))
            if scale > 0.5:
                raise MemoryError

        gc.disable()
        try:
            runtime.run(work, "the test")
        finally:
            gc.enable()
        assert alive == [False]


def real(allocate: Callable[[], object]) -> Exception:
    """The error that a library really raises for more memory than there is."""
    try:
        allocate()
    except Exception as error:
        return error
    raise AssertionError("that much memory should not exist")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(real(lambda: np.empty(1 << 56)), id="numpy"),
        pytest.param(real(lambda: torch.empty(1 << 58)), id="torch on the CPU"),
        pytest.param(cuda_out_of_memory(), id="torch on CUDA"),
        pytest.param(RuntimeError("CUDA failed with error out of memory"), id="CTranslate2"),
        pytest.param(RuntimeException("BFCArena::AllocateRawInternal Failed to allocate memory"), id="onnxruntime"),
    ],
)
def test_every_library_s_out_of_memory_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error: invalid argument"), ValueError("out of memory"), OutOfMemoryError()]
)
def test_nothing_else_is_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)
