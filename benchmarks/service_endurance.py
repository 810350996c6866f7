"""Whether the service grows with the work it does: memory of the worker, room on the disk.

    python benchmarks/service_endurance.py [--jobs N] [--seconds S] [--preset NAME] [--json FILE]

200 short pieces of the real songs, no two alike, are converted one after the other. After each the worker's resident
memory is read; in the end the service has to bring its folders back below limits that they went far beyond.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from _recordings import SONGS, data_folder
from _service import Service, running_service
from auto_voice.audio import Audio, decode, write

READER = "1688"
WANTED_GROWTH = 0.05
CONVERSIONS_GB = 0.01
CACHE_GB = 0.02
CLEANUP_SECONDS = 30.0
FOLDERS = {"conversions": CONVERSIONS_GB, "cache": CACHE_GB}


def pieces(data: Path, folder: Path, number: int, seconds: float) -> list[Path]:
    """So many pieces of the songs, each from another place."""
    songs = [decode(data / "songs" / name / "mix.flac") for name in SONGS]
    files = []
    for index in range(number):
        song = songs[index % len(songs)]
        length = int(seconds * song.sample_rate)
        start = (index // len(songs)) * (song.frames - length) // max(1, number // len(songs))
        files.append(folder / f"piece{index}.flac")
        write(files[-1], Audio(song.samples[:, start : start + length], song.sample_rate))
    return files


def worker_mb(service: Service) -> float:
    """Resident memory of the workers, MB (10⁶ bytes)."""
    return sum(worker.memory_info().rss for worker in service.workers()) / 1e6


def folder_gb(service: Service, name: str) -> float:
    """What the files of a folder take, GiB, as the limits count."""
    return sum(file.stat().st_size for file in (service.folder / name).rglob("*") if file.is_file()) / (1 << 30)


def settled(service: Service) -> dict[str, float]:
    """What the folders take once the service has cleaned up, or could not within three rounds."""
    deadline = time.monotonic() + 3 * CLEANUP_SECONDS
    while time.monotonic() < deadline and any(folder_gb(service, name) > most for name, most in FOLDERS.items()):
        time.sleep(1.0)
    return {name: folder_gb(service, name) for name in FOLDERS}


def main() -> None:
    parser = argparse.ArgumentParser(description="many jobs in a row")
    parser.add_argument("--jobs", type=int, default=200, help="how many; four parts of them are compared")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a piece")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    data = data_folder()
    with (
        tempfile.TemporaryDirectory() as songs,
        tempfile.TemporaryDirectory() as folder,
        running_service(
            Path(folder),
            storage__max_conversions_size_gb=CONVERSIONS_GB,
            storage__max_cache_size_gb=CACHE_GB,
            cache__cleanup_interval_hours=CLEANUP_SECONDS / 3600,
            limits__max_queue_size=arguments.jobs,
        ) as service,
    ):
        voice = service.clone(sorted((data / "speech" / "librispeech-test-other" / READER).glob("*.flac")))
        memory, seconds = [], []
        worker = service.workers()[0].pid
        for piece in pieces(data, Path(songs), arguments.jobs, arguments.seconds):
            told = service.wait(service.convert(piece, voice, quality_preset=arguments.preset))
            seconds.append(told["processing_time_seconds"])
            memory.append(worker_mb(service))
        if service.workers()[0].pid != worker:
            raise SystemExit("the worker was restarted: its memory tells nothing")
        disk = settled(service)
    part = max(1, len(memory) // 4)
    table = Table(title=f"{len(memory)} pieces of {arguments.seconds:g} s, preset {arguments.preset}")
    for name in ("jobs", "worker MB", "most MB", "median s"):
        table.add_column(name, justify="right")
    for start in range(0, len(memory), part):
        chosen = slice(start, start + part)
        table.add_row(
            f"{start + 1}–{start + len(memory[chosen])}",
            f"{statistics.mean(memory[chosen]):.0f}",
            f"{max(memory[chosen]):.0f}",
            f"{statistics.median(seconds[chosen]):.1f}",
        )
    Console().print(table)
    growth = statistics.mean(memory[-part:]) / statistics.mean(memory[:part]) - 1
    if arguments.json:
        summary = {"growth": growth, "disk_gb": disk}
        arguments.json.write_text(json.dumps({**summary, "memory_mb": memory, "seconds": seconds}, indent=2))
    taken = ", ".join(f"{name} {1024 * disk[name]:.1f} of {1024 * most:.1f} MiB" for name, most in FOLDERS.items())
    print(
        f"service endurance: worker memory, last {part} jobs against first {part}, {growth:+.1%}"
        f" (wanted < {WANTED_GROWTH:.0%}); on the disk {taken}"
    )


if __name__ == "__main__":
    main()
