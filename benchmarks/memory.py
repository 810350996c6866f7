"""How much memory the longest song takes, and whether a process grows from song to song.

    python benchmarks/memory.py [--seconds S] [--songs N] [--json FILE]

A song of ten minutes is made by repeating the four real ones, each time beginning with another. A process of its own
converts N of them with the cache switched off; Linux tells the highest resident memory it had during each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from _recordings import SONGS, data_folder
from auto_voice.audio import Audio, decode, write
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.models.runtime import ModelRuntime
from pipeline import clone_readers, scratch_settings

WANTED_PEAK_GB = 2.5
WANTED_GROWTH = 0.10


@dataclass(frozen=True, kw_only=True)
class Row:
    """Memory in GB (10⁹ bytes) for one song."""

    song: int
    peak_gb: float
    afterwards_gb: float
    seconds: float


def make_song(path: Path, data: Path, seconds: float, first: int) -> None:
    """The four songs one after the other, beginning with number `first`, until it is long enough."""
    songs = [decode(data / "songs" / name / "mix.flac") for name in (*SONGS[first:], *SONGS[:first])]
    rate = songs[0].sample_rate
    whole = np.concatenate([song.samples for song in songs], axis=1)
    repeats = int(np.ceil(seconds * rate / whole.shape[1]))
    write(path, Audio(np.tile(whole, repeats)[:, : int(seconds * rate)], rate))


def status_gb(field: str) -> float:
    """A figure of /proc/self/status: VmRSS, what is resident now, or VmHWM, the most since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise SystemExit("this benchmark reads /proc, which only Linux has")


def convert_all(folder: str, songs: list[Path]) -> None:
    """The measured process: converts the songs and prints a line of JSON for each."""
    settings = scratch_settings(folder)
    runtime = ModelRuntime(settings)
    voice = clone_readers(data_folder(), settings, runtime, 1)[0]
    pipeline = SingingConversionPipeline(settings, runtime=runtime)
    for number, song in enumerate(songs, start=1):
        Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
        begun = time.perf_counter()
        pipeline.convert_song(song, voice, use_cache=False)
        row = Row(
            song=number,
            peak_gb=status_gb("VmHWM"),
            afterwards_gb=status_gb("VmRSS"),
            seconds=time.perf_counter() - begun,
        )
        print(json.dumps(asdict(row)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="memory of long songs")
    parser.add_argument("--seconds", type=float, default=600.0, help="length of a song")
    parser.add_argument("--songs", type=int, default=3, help="how many in one process")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--convert", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.convert:
        folder, *songs = arguments.convert
        convert_all(folder, [Path(song) for song in songs])
        return
    data = data_folder()
    with tempfile.TemporaryDirectory() as folder:
        songs = [Path(folder) / f"song{number}.flac" for number in range(arguments.songs)]
        for number, song in enumerate(songs):
            make_song(song, data, arguments.seconds, number % len(SONGS))
        command = [sys.executable, __file__, "--convert", folder, *map(str, songs)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = [Row(**json.loads(line)) for line in done.stdout.splitlines()]
    table = Table(title=f"songs of {arguments.seconds:.0f} s in one process")
    for name in ("song", "peak GB", "afterwards GB", "seconds"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(str(row.song), f"{row.peak_gb:.2f}", f"{row.afterwards_gb:.2f}", f"{row.seconds:.0f}")
    Console().print(table)
    peak, growth = max(row.peak_gb for row in rows), rows[-1].peak_gb / rows[0].peak_gb - 1
    if arguments.json:
        summary = {"peak_gb": peak, "growth": growth, "songs": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(summary, indent=2))
    print(
        f"memory: peak {peak:.2f} GB (wanted {WANTED_PEAK_GB}); last song against the first {growth:+.1%}"
        f" (wanted ±{WANTED_GROWTH:.0%})"
    )


if __name__ == "__main__":
    main()
