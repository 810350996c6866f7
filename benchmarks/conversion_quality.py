"""How well conversions keep the song and take the voice: real singers and readers onto real readers and singers.

    python benchmarks/conversion_quality.py [--quick] [--sources NAME ...] [--targets NAME ...] [--preset NAME]
        [--pitch-shift N|auto] [--adapted] [--speech] [--seconds S] [--output DIR] [--profiles DIR] [--json FILE]
    python benchmarks/conversion_quality.py --table FILE [FILE ...]

Sources are the true vocal stems of four songs in pieces of 10 s, four solo singers and three readers; targets are six
readers, each cloned from about a minute of speech, and two singers, cloned from their singing. Two of the readers are
held out: nobody may choose settings by them. Nothing is transposed unless --pitch-shift says so.

Likeness is the cosine to the profile's recording; `held out` is to recordings of the same voice that the profile
never saw, `source` what is left of the singer. GE2E tells it, and a second encoder where its model is installed
(`autovoice models fetch voicefilter-dvector`). A pair is in range when the middle of the (transposed) melody lies
within 7 semitones of the target's own. The words of a source are what Whisper base hears in it, `over own` is what the
conversion lost beyond what Whisper itself is unsure of, and means are over words; sources in which it hears fewer than
four different ones have none. Melody is measured by two trackers (see _joint_pitch.py).
Silence is the level of the conversion where the source is below −60 dBFS. RTF is seconds of sound per second of
conversion, without separation. --table measures nothing: it shows what several runs wrote with --json as one.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from _conversion_measures import Heard, Judges, Likeness, Row
from _conversion_pairs import OWNER, Target, TargetMaker, chosen, load_pieces, source_names, target_names
from _conversion_table import picture, print_table, slices, summarise, summary_line
from _joint_pitch import MelodyAccuracy
from _recordings import data_folder
from _spoken_voice import Spoken, print_spoken, speak
from auto_voice import audio as sound
from auto_voice.config import Settings, load_settings
from auto_voice.errors import InputError, ProcessingError
from auto_voice.inference.engine import TTSEngine
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.models.runtime import ModelRuntime
from auto_voice.parameters import PitchShift, parse_pitch_shift
from auto_voice.profiles import ProfileStore

PRESETS = ("fast", "balanced", "quality")


class Bench:
    """Converts pairs and has them judged; what could not be converted or judged is kept by name."""

    def __init__(self, settings: Settings, preset: str | None, pitch_shift: PitchShift, output: Path | None) -> None:
        self.settings = settings
        self.runtime = ModelRuntime(settings)
        self.judges = Judges(settings, self.runtime)
        self.failures: list[str] = []
        self._pipeline = SingingConversionPipeline(settings, runtime=self.runtime)
        self._preset = preset
        self._pitch_shift = pitch_shift
        self._output = output

    def measure(self, source: Heard, target: Target) -> Row | None:
        """Convert one source into one target, and judge it."""
        piece = source.piece
        try:
            start = time.perf_counter()
            result = self._pipeline.convert_vocals(
                piece.audio,
                target.profile_id,
                self._pitch_shift,
                preset=self._preset,
                user_id=OWNER,
                use_cache=False,
                with_scores=False,
            )
            seconds = time.perf_counter() - start
            converted, semitones = result.mixed_audio, result.metadata["transposition"]["semitones"]
            sung = self.judges.tracker.read(converted)
            row = self.judges.judge(source, target, converted, sung, semitones, seconds)
        except (InputError, ProcessingError) as error:
            self.failures.append(f"{piece.name} as {target.name}: {error.message}")
            return None
        if self._output:
            name = f"{piece.name}-as-{target.name}".replace(" ", "-").replace("'", "")
            sound.write(self._output / f"{name}.wav", converted)
            picture(self._output / f"{name}.png", row, (piece.audio, converted), (piece.readings, sung))
        return row

    def warm_up(self, source: Heard, target: Target) -> None:
        """Load the models, so that no pair's RTF counts that."""
        self._pipeline.convert_vocals(
            source.piece.audio, target.profile_id, preset=self._preset, use_cache=False, with_scores=False
        )


def main() -> None:
    arguments = parse_arguments()
    if arguments.table:
        parts = [read_json(path) for path in arguments.table]
        show([row for rows, _ in parts for row in rows], [row for _, spoken in parts for row in spoken])
        return
    data = data_folder()
    sources = chosen(source_names(), arguments.sources)
    targets = chosen(target_names(), arguments.targets)
    for folder in filter(None, (arguments.output, arguments.profiles)):
        folder.mkdir(parents=True, exist_ok=True)
    installed = load_settings().storage.models_dir
    kept = arguments.profiles
    with nullcontext(str(kept)) if kept else tempfile.TemporaryDirectory() as folder:
        environment = {"AUTOVOICE__STORAGE__DATA_DIR": folder, "AUTOVOICE__STORAGE__MODELS_DIR": str(installed)}
        settings = load_settings(environment=environment)
        bench = Bench(settings, arguments.preset, parse_pitch_shift(arguments.pitch_shift), arguments.output)
        pieces = load_pieces(data, sources, bench.judges.tracker, arguments.seconds, quick=arguments.quick)
        heard = [bench.judges.hear(piece) for piece in pieces]
        maker = TargetMaker(
            VoiceCloner(settings=settings, runtime=bench.runtime),
            ProfileStore(settings),
            bench.judges.encoders,
            adapted=arguments.adapted,
        )
        engine = TTSEngine(settings, runtime=bench.runtime) if arguments.speech else None
        rows: list[Row] = []
        spoken: list[Spoken] = []
        for name in targets:
            start = time.perf_counter()
            target = maker.make(data, name)
            cloned = time.perf_counter() - start
            pairs = [each for each in heard if each.piece.singer != target.singer]
            if pairs and not rows:
                bench.warm_up(pairs[0], target)
            rows += [row for each in pairs if (row := bench.measure(each, target))]
            if engine:
                spoken += speak(engine, bench.judges, target)
            print(f"{name}: profile {cloned:.1f} s, {len(pairs)} sources converted", flush=True)
            if arguments.json:
                write_json(arguments.json, arguments, rows, spoken)
    for failure in bench.failures:
        print(f"failed: {failure}")
    show(rows, spoken)
    sys.exit(1 if bench.failures or not rows else 0)


def show(rows: Sequence[Row], spoken: Sequence[Spoken]) -> None:
    """Tables and summaries of what there is."""
    if spoken:
        print_spoken(spoken)
    if rows:
        print_table(rows)
        print(summary_line(rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="of each recording only the piece with most voice")
    parser.add_argument("--sources", nargs="+", metavar="NAME", help="names, their beginnings, or the first N")
    parser.add_argument("--targets", nargs="+", metavar="NAME", help="the same of the targets")
    parser.add_argument("--preset", choices=PRESETS, help="the configured one when not given")
    parser.add_argument("--pitch-shift", default="0", metavar="N|auto", help="semitones; auto is the octave that suits")
    parser.add_argument("--adapted", action="store_true", help="fit the converter to each voice when it is cloned")
    parser.add_argument("--speech", action="store_true", help="also speak sentences in the cloned voices")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a piece")
    parser.add_argument("--output", type=Path, help="keep conversions and their spectrograms in this folder")
    parser.add_argument("--profiles", type=Path, help="keep the cloned voices here, and use those that are there")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE", help="only show what was written with --json")
    return parser.parse_args()


def write_json(path: Path, arguments: argparse.Namespace, rows: Sequence[Row], spoken: Sequence[Spoken]) -> None:
    """Every figure of every pair so far, and the means."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "settings": {name: value for name, value in vars(arguments).items() if not isinstance(value, Path)},
        "summary": {name: summarise(part) for name, part in slices(rows).items()},
        "pairs": [dataclasses.asdict(row) for row in rows],
        "spoken": [dataclasses.asdict(row) for row in spoken],
    }
    path.write_text(json.dumps(_plain(document), indent=1, allow_nan=False), encoding="utf-8")


def read_json(path: Path) -> tuple[list[Row], list[Spoken]]:
    """What `write_json` wrote; null is a figure that could not be measured."""
    document = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        Row(
            **{
                **row,
                "likeness": {name: Likeness(**each) for name, each in row["likeness"].items()},
                "melody": MelodyAccuracy(**{name: _number(each) for name, each in row["melody"].items()}),
            }
        )
        for row in document["pairs"]
    ]
    spoken = [
        Spoken(**{**row, "likeness": {name: tuple(each) for name, each in row["likeness"].items()}})
        for row in document["spoken"]
    ]
    return rows, spoken


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _plain(value: Any) -> Any:
    """As JSON knows it: what could not be measured is null."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
