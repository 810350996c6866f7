"""`scripts/download_models.py`: the embedded models, of the version this installation carries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auto_voice import __version__
from auto_voice.models.catalogue import catalogue_version

SCRIPT = Path(__file__).parents[3] / "scripts" / "download_models.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )


def test_another_version_is_refused_and_ours_is_named() -> None:
    result = run("--version", "99.0.0")
    assert result.returncode == 2
    assert f"AutoVoice {__version__}" in result.stderr
    assert catalogue_version() in result.stderr


@pytest.mark.models
@pytest.mark.parametrize("version", [__version__, f"v{__version__}", catalogue_version()])
def test_our_version_is_fetched(version: str) -> None:
    result = run("--version", version)
    assert result.returncode == 0, result.stderr
    assert "silero-vad" in result.stdout
