"""Fixtures of every test: folders of its own, the installed weights, and the real recordings where they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auto_voice.config import Settings, load_settings
from auto_voice.models.runtime import ModelRuntime

INSTALLED_MODELS = load_settings(environment=os.environ).storage.models_dir
REAL_DATA = Path(os.environ.get("AUTOVOICE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def _no_real_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches the user's own data: home and every data folder point into its temporary folder."""
    for name in [name for name in os.environ if name.startswith("AUTOVOICE__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name.lower()))
    monkeypatch.setenv("AUTOVOICE__STORAGE__MODELS_DIR", str(INSTALLED_MODELS))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Local defaults with every folder in the test's own; weights are read from where they are installed."""
    return load_settings(
        environment={
            "AUTOVOICE__STORAGE__DATA_DIR": str(tmp_path / "data"),
            "AUTOVOICE__STORAGE__MODELS_DIR": str(INSTALLED_MODELS),
        }
    )


@pytest.fixture
def runtime(settings: Settings) -> Iterator[ModelRuntime]:
    """A model runtime that is closed after the test."""
    runtime = ModelRuntime(settings)
    yield runtime
    runtime.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; the test is skipped, saying so, where there is none."""
    if not (REAL_DATA / "songs").is_dir():
        pytest.skip(f"no real recordings at {REAL_DATA} (set AUTOVOICE_TEST_DATA)")
    return REAL_DATA
