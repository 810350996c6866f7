"""scripts/setup.sh says what to do where it cannot make an environment. (Where it can, `make test` has run it.)"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from documents import ROOT

BASH = shutil.which("bash") or "/bin/bash"


def set_up(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run it with this interpreter, where no other tool could make an environment instead."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("dirname", "basename", "rm"):
        (tools / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    return subprocess.run(
        [BASH, str(ROOT / "scripts" / "setup.sh"), "requirements.txt"],
        env={"PATH": str(tools), "PYTHON": python, "VENV": str(folder / "venv")},
        capture_output=True,
        text=True,
        timeout=60,
    )


def script(path: Path, text: str) -> str:
    path.write_text(f"#!{BASH}\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_does_not_suit_is_refused_with_the_remedy(tmp_path: Path) -> None:
    done = set_up(tmp_path, script(tmp_path / "python2", "exit 1"))
    assert done.returncode == 1
    assert "no Python 3.10, 3.11 or 3.12" in done.stderr
    assert "sudo apt-get install python3 python3-venv" in done.stderr


def test_a_python_that_cannot_make_environments_is_refused_with_the_remedy(tmp_path: Path) -> None:
    bare = f'case "$*" in *ensurepip* | *"-m pip"*) exit 1 ;; esac\nexec "{sys.executable}" "$@"'
    done = set_up(tmp_path, script(tmp_path / "python3.11", bare))
    assert done.returncode == 1
    assert "neither ensurepip nor pip" in done.stderr
    assert "sudo apt-get install python3-venv" in done.stderr
    assert "python3.11-venv" in done.stderr
    assert not (tmp_path / "venv").exists()
