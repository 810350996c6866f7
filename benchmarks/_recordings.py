"""Where the real recordings of the benchmarks are, and which of them nothing may be trained on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SONGS = ("lithium", "sodium", "potassium", "francium")
SINGERS = ("vocadito_1", "vocadito_10", "sms-singing-female", "sms-vignesh")

READERS = ("1688", "2033", "1998", "533", "3331", "2609")
"""Target voices, of LibriSpeech's test-other: nothing is trained on them."""
HELD_OUT_READERS = ("3331", "2609")
"""The ones, a woman and a man, that nobody may look at while choosing settings either."""

SPEECH_SOURCES = ("8975-270782-0000", "909-131041-0000", "911-128684-0000")
"""Utterances of LibriSpeech's train-clean-100, a man's and two women's, that are converted: no training uses them."""


def data_folder() -> Path:
    """The folder that AUTOVOICE_TEST_DATA names; where there is none the benchmark says so and is skipped."""
    folder = Path(os.environ.get("AUTOVOICE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "songs").is_dir():
        print(f"skipped: no real recordings at {folder} (set AUTOVOICE_TEST_DATA)")
        sys.exit(0)
    return folder
