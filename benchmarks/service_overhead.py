"""What the service adds to a conversion: upload, job, worker, signed files, download.

    python benchmarks/service_overhead.py [--preset NAME] [--rounds N] [--json FILE]

A real song of 40 s is converted without the cache, in turn by the library in this process, from the file to a written
WAV file, and by the service, from the upload to the last byte of the downloaded WAV file; both have their models
loaded. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from _recordings import SONGS, data_folder
from _service import Service, running_service
from auto_voice.audio import write
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.models.runtime import ModelRuntime
from pipeline import clone_readers, scratch_settings

WANTED_OVERHEAD = 0.03


@dataclass(frozen=True, kw_only=True)
class Row:
    """Seconds of one round."""

    library_seconds: float
    service_seconds: float
    processing_seconds: float

    @property
    def overhead(self) -> float:
        """What the service takes more, as a share of what the library takes."""
        return self.service_seconds / self.library_seconds - 1


def timed(work: Callable[[], object]) -> float:
    """Seconds of work."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def by_service(service: Service, song: Path, voice: str, preset: str) -> float:
    """Convert a song and fetch the result; the seconds that the service's own clock gives to the processing."""
    told = service.wait(service.convert(song, voice, quality_preset=preset, use_cache="false"))
    answer = requests.get(service.url + told["result"]["converted_audio_url"], timeout=60)
    answer.raise_for_status()
    return float(told["processing_time_seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description="what the service adds to a conversion")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    song = data_folder() / "songs" / SONGS[0] / "mix.flac"
    with tempfile.TemporaryDirectory() as folder:
        settings = scratch_settings(folder)
        runtime = ModelRuntime(settings)
        voice = clone_readers(data_folder(), settings, runtime, 1)[0]
        pipeline = SingingConversionPipeline(settings, runtime=runtime)

        def by_library() -> None:
            result = pipeline.convert_song(song, voice, preset=arguments.preset, use_cache=False)
            write(Path(folder) / "converted.wav", result.mixed_audio)

        with running_service(Path(folder)) as service:
            by_library()
            by_service(service, song, voice, arguments.preset)
            rows = []
            for _ in range(arguments.rounds):
                library_seconds = timed(by_library)
                begun = time.perf_counter()
                processing_seconds = by_service(service, song, voice, arguments.preset)
                rows.append(
                    Row(
                        library_seconds=library_seconds,
                        service_seconds=time.perf_counter() - begun,
                        processing_seconds=processing_seconds,
                    )
                )
        runtime.close()
    table = Table(title=f"a song of 40 s, preset {arguments.preset}")
    for name in ("round", "library s", "service s", "of that, the worker's s", "overhead"):
        table.add_column(name, justify="right")
    for number, row in enumerate(rows, start=1):
        seconds = (row.library_seconds, row.service_seconds, row.processing_seconds)
        table.add_row(str(number), *(f"{each:.2f}" for each in seconds), f"{row.overhead:+.1%}")
    Console().print(table)
    overhead = statistics.median(row.overhead for row in rows)
    if arguments.json:
        summary = {"preset": arguments.preset, "median_overhead": overhead}
        arguments.json.write_text(json.dumps({**summary, "rounds": [asdict(row) for row in rows]}, indent=2))
    print(f"service overhead: {overhead:+.1%} over the library (wanted < {WANTED_OVERHEAD:.0%})")


if __name__ == "__main__":
    main()
