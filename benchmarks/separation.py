"""How well and how fast songs are taken apart, on real songs with true stems.

    python benchmarks/separation.py [--model NAME] [--seconds S] [--json FILE]

Songs are folders with mix, vocals and accompaniment in `songs` of AUTOVOICE_TEST_DATA (default: ../shared/data).
SI-SDR is scale-invariant, SDR is not; of the mix itself both are what doing nothing would score. RTF is seconds of song
per second of work, models loaded; peak memory is the whole process's.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from _recordings import SONGS, data_folder
from auto_voice import plugins
from auto_voice.audio import Audio, decode
from auto_voice.config import load_settings
from auto_voice.inference.separation import Separator
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.separation_accuracy import sdr, si_sdr

COLUMNS = ("SI-SDR vocals", "SI-SDR accomp.", "SDR vocals", "SDR accomp.", "SI-SDR mix", "RTF")


def part(path: Path, seconds: float | None) -> Audio:
    audio = decode(path)
    frames = audio.frames if seconds is None else round(seconds * audio.sample_rate)
    return Audio(np.ascontiguousarray(audio.samples[:, :frames]), audio.sample_rate)


def measure(separator: Separator, data: Path, song: str, seconds: float | None) -> dict[str, float]:
    mix, vocals, accompaniment = (
        part(data / "songs" / song / f"{name}.flac", seconds) for name in ("mix", "vocals", "accompaniment")
    )
    begun = time.perf_counter()
    stems = separator.separate(mix)
    elapsed = time.perf_counter() - begun
    scores = (
        si_sdr(stems.vocals, vocals),
        si_sdr(stems.accompaniment, accompaniment),
        sdr(stems.vocals, vocals),
        sdr(stems.accompaniment, accompaniment),
        si_sdr(mix, vocals),
        mix.duration / elapsed,
    )
    return dict(zip(COLUMNS, scores, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="spleeter")
    parser.add_argument("--seconds", type=float, help="only so much of each song")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    data = data_folder()
    settings = load_settings()
    separator: Separator = plugins.create("separators", arguments.model, settings, ModelRuntime(settings))
    separator.separate(Audio(np.zeros((2, 44100), np.float32), 44100))  # loads the models
    figures = {song: measure(separator, data, song, arguments.seconds) for song in SONGS}
    figures["mean"] = {name: statistics.fmean(row[name] for row in figures.values()) for name in COLUMNS}
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table = Table(title=f"Separation with {separator.name}, dB")
    table.add_column("song")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for song, row in figures.items():
        table.add_row(song, *(f"{row[name]:.2f}" for name in COLUMNS))
    Console().print(table)
    if arguments.json:
        document = {"model": separator.name, "songs": figures, "peak_memory_mb": megabytes}
        arguments.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    mean = figures["mean"]
    print(
        f"separation ({separator.name}): vocals SI-SDR {mean['SI-SDR vocals']:.2f} dB, RTF {mean['RTF']:.1f},"
        f" peak {megabytes:.0f} MB"
    )


if __name__ == "__main__":
    main()
