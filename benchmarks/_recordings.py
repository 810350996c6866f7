"""Where the real recordings of the benchmarks are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SONGS = ("lithium", "sodium", "potassium", "francium")


def data_folder() -> Path:
    """The folder that AUTOVOICE_TEST_DATA names; where there is none the benchmark says so and is skipped."""
    folder = Path(os.environ.get("AUTOVOICE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "songs").is_dir():
        print(f"skipped: no real recordings at {folder} (set AUTOVOICE_TEST_DATA)")
        sys.exit(0)
    return folder
