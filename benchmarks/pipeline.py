"""How fast songs are converted, and what a second voice for the same song still costs.

    python benchmarks/pipeline.py [--preset NAME] [--songs N] [--json FILE]

Four real songs of 40 s go through the whole pipeline with the models loaded and the cache empty, into the voice of a
reader; then once more into another reader's. RTF is seconds of song per second of work. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from _recordings import SONGS, data_folder
from auto_voice.audio import Audio, decode, encode
from auto_voice.config import Settings, load_settings
from auto_voice.inference.pipeline.result import ConversionResult
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.models.runtime import ModelRuntime
from auto_voice.progress import STAGE_BOUNDS

READERS = ("1688", "1998")
CACHED_STAGES = ("source_separation", "pitch_extraction")
WANTED_RTF = {"fast": 3.0, "balanced": 1.2, "quality": 0.6}
WANTED_CACHED_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Row:
    """Figures of one song; seconds are those of the stages together, processor seconds those of all cores."""

    song: str
    duration: float
    seconds: float
    processor_seconds: float
    stages: Mapping[str, float]
    second_voice_seconds: float
    second_voice_stages: Mapping[str, float]

    @property
    def rtf(self) -> float:
        """Seconds of song per second of work."""
        return self.duration / self.seconds

    @property
    def cached_share(self) -> float:
        """Separation and pitch for the second voice, as a share of what they took for the first."""
        first, second = (
            sum(stages[name] for name in CACHED_STAGES) for stages in (self.stages, self.second_voice_stages)
        )
        return second / first


def scratch_settings(folder: str) -> Settings:
    """The configured settings with everything but the models in a folder of the benchmark's own."""
    models = load_settings().storage.models_dir
    environment = {"AUTOVOICE__STORAGE__DATA_DIR": folder, "AUTOVOICE__STORAGE__MODELS_DIR": str(models)}
    return load_settings(environment={**os.environ, **environment})


def clone_readers(data: Path, settings: Settings, runtime: ModelRuntime, count: int = len(READERS)) -> list[str]:
    """Profiles of the first `count` of READERS, from all of their utterances."""
    cloner = VoiceCloner(settings=settings, runtime=runtime)
    folder = data / "speech" / "librispeech-test-other"
    recordings = [sorted((folder / reader).glob("*.flac")) for reader in READERS[:count]]
    return [cloner.create_voice_profile(files, "benchmark").profile_id for files in recordings]


def measure(pipeline: SingingConversionPipeline, song: Path, voices: list[str], preset: str) -> Row:
    """Convert one song into two voices, one after the other."""
    before = time.process_time()
    first = pipeline.convert_song(song, voices[0], preset=preset)
    processor_seconds = time.process_time() - before
    second = pipeline.convert_song(song, voices[1], preset=preset)
    return Row(
        song=song.parent.name,
        duration=first.duration,
        seconds=_total(first),
        processor_seconds=processor_seconds,
        stages=first.stage_seconds,
        second_voice_seconds=_total(second),
        second_voice_stages=second.stage_seconds,
    )


def _total(result: ConversionResult) -> float:
    return sum(result.stage_seconds.values())


def show(rows: list[Row], preset: str, model: str) -> None:
    """One table."""
    table = Table(title=f"whole pipeline, preset {preset}, separated with {model}")
    names = [name.split("_")[-1] for name in STAGE_BOUNDS]
    for name in (
        "song",
        "s",
        *(f"{name} s" for name in names),
        "total s",
        "cpu s",
        "RTF",
        "2nd voice s",
        "cached stages",
    ):
        table.add_column(name, justify="left" if name == "song" else "right")
    for row in rows:
        stages = [f"{row.stages[name]:.1f}" for name in STAGE_BOUNDS]
        figures = (
            f"{row.seconds:.1f}",
            f"{row.processor_seconds:.1f}",
            f"{row.rtf:.2f}",
            f"{row.second_voice_seconds:.1f}",
            f"{row.cached_share:.1%}",
        )
        table.add_row(row.song, f"{row.duration:.0f}", *stages, *figures)
    Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="speed of the whole pipeline")
    parser.add_argument("--preset", choices=list(WANTED_RTF), default="balanced")
    parser.add_argument("--songs", type=int, default=len(SONGS), help="how many of the songs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    data = data_folder()
    with tempfile.TemporaryDirectory() as folder:
        settings = scratch_settings(folder)
        runtime = ModelRuntime(settings)
        voices = clone_readers(data, settings, runtime)
        pipeline = SingingConversionPipeline(settings, runtime=runtime)
        files = [data / "songs" / name / "mix.flac" for name in SONGS[: arguments.songs]]
        beginning = decode(files[0])
        beginning = Audio(beginning.samples[:, : 10 * beginning.sample_rate].copy(), beginning.sample_rate)
        warm_up = pipeline.convert_song(encode(beginning, "wav"), voices[0], preset=arguments.preset)
        rows = [measure(pipeline, file, voices, arguments.preset) for file in files]
    show(rows, arguments.preset, warm_up.metadata["separation_model"])
    rtf = statistics.median(row.rtf for row in rows)
    share = statistics.median(row.cached_share for row in rows)
    if arguments.json:
        summary = {"preset": arguments.preset, "median_rtf": rtf, "median_cached_share": share}
        arguments.json.write_text(json.dumps({**summary, "songs": [asdict(row) for row in rows]}, indent=2))
    wanted = WANTED_RTF[arguments.preset]
    print(
        f"pipeline, preset {arguments.preset}: median RTF {rtf:.2f} (wanted {wanted}); separation and pitch for a"
        f" second voice {share:.1%} of the first time (wanted < {WANTED_CACHED_SHARE:.0%})"
    )


if __name__ == "__main__":
    main()
