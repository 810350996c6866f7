"""scripts/optimize_cache.py keeps the configured cache within its limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from auto_voice.config import Settings
from auto_voice.storage.cache import Cache, open_cache

SCRIPT = Path(__file__).parents[3] / "scripts" / "optimize_cache.py"
OLD, NEW, EXPIRED = (Cache.key(name) for name in ("old", "new", "expired"))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def cache(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A MiB used an hour ago, a MiB used just now, and one that has expired."""
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(settings.storage.data_dir))
    cache, now = open_cache(settings, "separations"), time.time()
    for key, used, made in ((OLD, 3600, 3600), (NEW, 0, 0), (EXPIRED, 0, 25 * 3600)):
        assert cache.put(key, {"x": np.zeros(1 << 17)})
        os.utime(cache.folder / f"{key}.safetensors", (now - used, now - made))
    return cache


def left(cache: Cache) -> set[str]:
    return {file.stem for file in cache.folder.glob("*.safetensors")}


def test_a_dry_run_removes_nothing(cache: Cache) -> None:
    done = run("--dry-run")
    assert done.returncode == 0
    assert f"Would remove {cache.folder / EXPIRED}.safetensors" in done.stdout
    assert left(cache) == {OLD, NEW, EXPIRED}


def test_the_expired_goes_first_then_the_least_recently_used(cache: Cache) -> None:
    assert run().returncode == 0
    assert left(cache) == {OLD, NEW}

    document = json.loads(run("--max-size-gb", str(1.5 / 1024), "--json").stdout)
    assert document["removed"] == [f"{cache.folder / OLD}.safetensors"]
    assert document["freed_bytes"] > 1 << 20
    assert left(cache) == {NEW}


def test_a_bad_configuration_is_told(tmp_path: Path) -> None:
    done = run("--config", str(tmp_path / "none.yaml"))
    assert done.returncode == 4
    assert "none.yaml: cannot be read" in done.stderr
