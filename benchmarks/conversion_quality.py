"""How well conversions keep the song and take the voice: real singers onto real readers.

    python benchmarks/conversion_quality.py [--sources N] [--targets N] [--seconds S] [--output DIR] [--json FILE]

Sources are the true vocal stems of four songs and two solo singers; targets are six readers, each cloned from about a
minute of speech. Nothing is transposed. Similarity is GE2E's cosine to the profile's embedding; `held out` is to
utterances of the same reader that the profile never saw. The words of a source are what Whisper base hears in it. How
sure of them it is shows in the source's own WER: the source is heard once more, 3 dB quieter and 7 ms later. Silence
is the level of the conversion where the source is below −60 dBFS.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from _recordings import SONGS, data_folder
from auto_voice import audio as sound
from auto_voice.audio import Audio
from auto_voice.config import Settings, load_settings
from auto_voice.errors import InputError
from auto_voice.features import PitchContour
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.models.runtime import ModelRuntime
from auto_voice.plugins import create
from auto_voice.profiles import ProfileStore
from auto_voice.utils.intelligibility import WordRecognizer, word_error_rate
from auto_voice.utils.naturalness import NaturalnessJudge
from auto_voice.utils.pitch_accuracy import compare_contours
from auto_voice.utils.speaker import SpeakerEncoder, similarity

SINGERS = ("vocadito_1", "vocadito_10")
READERS = ("1688", "2033", "2609", "1998", "3331", "533")
PROFILE_SECONDS = 60.0
QUIET_DBFS = -60.0


@dataclass
class Source:
    """A recording to convert and what is known of it."""

    name: str
    audio: Audio
    contour: PitchContour
    text: str
    language: str
    own_wer: float


@dataclass
class Row:
    """Figures of one pair."""

    source: str
    target: str
    similarity: float
    held_out: float | None
    ceiling: float
    to_source: float
    wer: float
    rmse_hz: float
    median_cents: float
    rpa50: float
    mos: float
    source_mos: float
    silence_dbfs: float | None
    rtf: float


def joined(recordings: Iterable[Audio]) -> Audio:
    """One after the other."""
    parts = list(recordings)
    return Audio(np.concatenate([part.samples for part in parts], axis=1), parts[0].sample_rate)


def level_where_quiet(converted: Audio, source: Audio) -> float | None:
    """Mean power in dBFS of the conversion in those 50 ms in which the source is below −60 dBFS."""
    width = source.sample_rate // 20
    count = source.frames // width

    def powers(audio: Audio) -> np.ndarray:
        return np.square(audio.samples[:, : count * width]).reshape(audio.channels, count, width).mean(axis=(0, 2))

    quiet = powers(source) < 10 ** (QUIET_DBFS / 10)
    return float(10 * np.log10(powers(converted)[quiet].mean() + 1e-12)) if quiet.any() else None


class Bench:
    """Everything that measures, with one runtime."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runtime = ModelRuntime(settings)
        self.pipeline = SingingConversionPipeline(settings, runtime=self.runtime)
        self.cloner = VoiceCloner(settings=settings, runtime=self.runtime)
        self.pitch = create("pitch", "fcpe", settings, self.runtime)
        self.words = WordRecognizer(self.runtime)
        self.judge = NaturalnessJudge(self.runtime)
        self.speaker = SpeakerEncoder(self.runtime)

    def source(self, name: str, path: Path, seconds: float) -> Source:
        """Decode a source and find out its melody and words."""
        full = sound.decode(path)
        audio = Audio(np.ascontiguousarray(full.samples[:, : int(seconds * full.sample_rate)]), full.sample_rate)
        heard = self.words.transcribe(audio)
        again = Audio(
            np.pad(audio.samples * np.float32(0.7), ((0, 0), (audio.sample_rate * 7 // 1000, 0))), audio.sample_rate
        )
        try:
            own_wer = word_error_rate(heard.text, self.words.transcribe(again, heard.language).text, heard.language)
        except ValueError:
            own_wer = 1.0
        return Source(name, audio, self.pitch.extract(audio), heard.text, heard.language, own_wer)

    def target(self, folder: Path) -> tuple[str, np.ndarray | None]:
        """Clone a reader; the profile's id and the embedding of what was held out."""
        utterances = [sound.decode(path) for path in sorted(folder.glob("*.flac"))]
        ends = np.cumsum([utterance.duration for utterance in utterances])
        count = int(np.searchsorted(ends, PROFILE_SECONDS)) + 1
        profile = self.cloner.create_voice_profile(utterances[:count], "benchmark", folder.name)
        held_out = utterances[count:]
        return profile.profile_id, self.speaker.embed(joined(held_out)) if held_out else None

    def measure(
        self, source: Source, reader: str, profile_id: str, held_out: np.ndarray | None, output: Path | None
    ) -> Row:
        """Convert one source to one target and measure everything."""
        start = time.perf_counter()
        result = self.pipeline.convert_vocals(
            source.audio, profile_id, user_id="benchmark", use_cache=False, with_scores=False
        )
        seconds = time.perf_counter() - start
        converted = result.mixed_audio
        if output:
            sound.write(output / f"{source.name}-{reader}.flac", converted)
        store = ProfileStore(self.settings)
        embedding = self.speaker.embed(converted)
        pitch = compare_contours(source.contour, self.pitch.extract(converted))
        naturalness = self.judge.compare(source.audio, converted)
        text = self.words.transcribe(converted, source.language).text
        profile = store.get(profile_id)
        return Row(
            source=source.name,
            target=reader,
            similarity=similarity(embedding, store.load_embedding(profile_id)),
            held_out=None if held_out is None else similarity(embedding, held_out),
            ceiling=profile.embedding_info.split_half_similarity or float("nan"),
            to_source=similarity(embedding, self.speaker.embed(source.audio)),
            wer=word_error_rate(source.text, text, source.language) if source.text else float("nan"),
            rmse_hz=pitch.rmse_hz or float("nan"),
            median_cents=pitch.median_cents or 0.0,
            rpa50=pitch.rpa50 or 0.0,
            mos=naturalness.mos or float("nan"),
            source_mos=naturalness.original_mos or float("nan"),
            silence_dbfs=level_where_quiet(converted, source.audio),
            rtf=source.audio.duration / seconds,
        )


def summarise(rows: list[Row], sources: list[Source]) -> dict[str, float]:
    """Means over pairs."""

    def mean(values: Iterable[float | None]) -> float:
        known = [value for value in values if value is not None and np.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")

    wer = mean(row.wer for row in rows)
    own = mean(source.own_wer for source in sources)
    return {
        "similarity": mean(row.similarity for row in rows),
        "held_out": mean(row.held_out for row in rows),
        "ceiling": mean(row.ceiling for row in rows),
        "to_source": mean(row.to_source for row in rows),
        "wer_over_own": wer - own,
        "wer": wer,
        "own_wer": own,
        "rmse_hz": mean(row.rmse_hz for row in rows),
        "median_cents": mean(row.median_cents for row in rows),
        "rpa50": mean(row.rpa50 for row in rows),
        "mos": mean(row.mos for row in rows),
        "mos_change": mean(row.mos - row.source_mos for row in rows),
        "silence_dbfs": mean(row.silence_dbfs for row in rows),
        "loudest_silence_dbfs": max(
            (row.silence_dbfs for row in rows if row.silence_dbfs is not None), default=float("nan")
        ),
        "rtf": float(np.median([row.rtf for row in rows])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=len(SONGS) + len(SINGERS), help="only the first N sources")
    parser.add_argument("--targets", type=int, default=len(READERS), help="only the first N targets")
    parser.add_argument("--seconds", type=float, default=40.0, help="only so much of each source")
    parser.add_argument("--output", type=Path, help="keep the conversions in this folder")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    data = data_folder()
    installed = load_settings().storage.models_dir
    paths = {name: data / "songs" / name / "vocals.flac" for name in SONGS}
    paths |= {name: data / "singing" / f"{name}.wav" for name in SINGERS}
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {"AUTOVOICE__STORAGE__DATA_DIR": folder, "AUTOVOICE__STORAGE__MODELS_DIR": str(installed)}
        bench = Bench(load_settings(environment=environment))
        chosen = list(paths.items())[: arguments.sources]
        sources = [bench.source(name, path, arguments.seconds) for name, path in chosen]
        rows = []
        for reader in READERS[: arguments.targets]:
            try:
                profile_id, held_out = bench.target(data / "speech" / "librispeech-test-other" / reader)
            except InputError as error:
                raise SystemExit(f"reader {reader} cannot be cloned: {error.message}") from error
            rows += [bench.measure(source, reader, profile_id, held_out, arguments.output) for source in sources]
            print(f"{reader}: {len(sources)} sources converted", flush=True)
    report(rows, sources, arguments.json)


def report(rows: list[Row], sources: list[Source], path: Path | None) -> None:
    """Print one table, a row for every source and one for the mean, and the summary line."""
    table = Table(
        "source",
        "similarity",
        "held out",
        "WER",
        "own WER",
        "RMSE Hz",
        "cents",
        "RPA50",
        "MOS",
        "source's MOS",
        "silence",
        "RTF",
    )
    summary = summarise(rows, sources)
    for source in sources:
        part = [row for row in rows if row.source == source.name]
        means = summarise(part, [source])
        table.add_row(*_cells(source.name, means))
    table.add_section()
    table.add_row(*_cells("mean", summary))
    Console(width=140).print(table)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"summary": summary, "pairs": [asdict(row) for row in rows]}, indent=1))
    print(
        f"conversion quality, {len(rows)} pairs: similarity {summary['similarity']:.3f}"
        f" (held out {summary['held_out']:.3f}, ceiling {summary['ceiling']:.3f}),"
        f" WER {100 * summary['wer_over_own']:+.1f} points over the source's own,"
        f" F0 RMSE {summary['rmse_hz']:.1f} Hz, RPA50 {100 * summary['rpa50']:.1f} %,"
        f" DistillMOS {summary['mos']:.2f} ({summary['mos_change']:+.2f}),"
        f" silence {summary['silence_dbfs']:.1f} dBFS, RTF {summary['rtf']:.1f}"
    )


def _cells(name: str, means: dict[str, float]) -> list[str]:
    return [
        name,
        f"{means['similarity']:.3f}",
        f"{means['held_out']:.3f}",
        f"{means['wer']:.3f}",
        f"{means['own_wer']:.3f}",
        f"{means['rmse_hz']:.1f}",
        f"{means['median_cents']:.1f}",
        f"{100 * means['rpa50']:.1f}",
        f"{means['mos']:.2f}",
        f"{means['mos'] - means['mos_change']:.2f}",
        f"{means['silence_dbfs']:.1f}",
        f"{means['rtf']:.1f}",
    ]


if __name__ == "__main__":
    main()
