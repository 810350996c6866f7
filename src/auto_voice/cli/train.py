"""`autovoice train`: making the networks that AutoVoice ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auto_voice.cli.output import emit, emit_json, json_option, progress_line, say, table
from auto_voice.cli.session import current_settings

if TYPE_CHECKING:
    from auto_voice.training.scores import Scores

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, file_okay=False, path_type=Path)
_EXCLUDED = click.option("--exclude", multiple=True, metavar="SPEAKER", help="Not this speaker's; may repeat.")
_TRANSCRIPTS = "transcripts.jsonl"


@click.group()
def train() -> None:
    """Make training data and train the networks that AutoVoice ships."""


@train.command("generate-speech")
@click.option("--out", type=_FOLDER, required=True, metavar="DIR", help="Folder of the clips; those there are kept.")
@click.option(
    "--minutes", type=click.FloatRange(0.1, 10_000), default=60.0, show_default=True, help="Of audio, in all."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other clips with another seed.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@json_option
def generate_speech(out: Path, minutes: float, seed: int, workers: int, as_json: bool) -> None:
    """Speak and sing random lines in the stock voices, with every sound's place known."""
    from auto_voice.training.generate import generate

    with progress_line("generate") as show:
        made = generate(out, minutes, current_settings(), seed, workers, show)
    if as_json:
        emit_json({"folder": str(out), "minutes": round(made, 2)})
    else:
        emit(f"{out}: {made:.1f} minutes")


@train.command()
@click.option("--data", type=_EXISTING, required=True, metavar="DIR", help="Folder of clips; features go beside them.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other changes with another seed.")
@json_option
def features(data: Path, seed: int, as_json: bool) -> None:
    """Compute what Whisper hears in clips, as they are and changed; those that have features keep them."""
    from auto_voice.inference.content import WhisperContent
    from auto_voice.models.runtime import ModelRuntime
    from auto_voice.training.features import extract_features

    content = WhisperContent(ModelRuntime(current_settings()))
    with progress_line("features") as show:
        made = extract_features(data, content, seed, show)
    if as_json:
        emit_json({"folder": str(data), "computed": made})
    else:
        emit(f"{data}: features of {made} clips computed")


@train.command("content-mapper")
@click.option("--data", type=_EXISTING, required=True, metavar="DIR", help="Generated clips with features.")
@click.option("--recordings", type=_EXISTING, metavar="DIR", help="Aligned recordings with features.")
@click.option("--out", type=_FILE, required=True, metavar="FILE", help="The network; its checkpoint goes beside it.")
@click.option("--start", type=_FILE, metavar="FILE", help="A trained network to start from.")
@click.option("--steps", type=click.IntRange(1), default=6000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@json_option
def content_mapper(
    data: Path, recordings: Path | None, out: Path, start: Path | None, steps: int, seed: int, as_json: bool
) -> None:
    """Train the network that maps what Whisper hears to what the decoder is told. Resumes what was interrupted."""
    from auto_voice.models.runtime import ModelRuntime
    from auto_voice.training.content_mapper import TrainingPlan
    from auto_voice.training.run import train as train_mapper

    plan = TrainingPlan(steps=steps, seed=seed)
    runtime = ModelRuntime(current_settings())
    with progress_line("train") as show:
        scores = train_mapper(data, out, plan, runtime, recordings=recordings, start=start, say=say, progress=show)
    _show_scores(scores, as_json)


@train.command()
@click.argument("mapper", type=_FILE)
@click.option("--data", type=_EXISTING, required=True, metavar="DIR", help="Generated clips with features.")
@click.option("--recordings", type=_EXISTING, metavar="DIR", help="Aligned recordings with features.")
@json_option
def score(mapper: Path, data: Path, recordings: Path | None, as_json: bool) -> None:
    """Score the network in the file MAPPER on the clips that are kept out of training."""
    from auto_voice.training.examples import load_examples
    from auto_voice.training.run import read_mapper
    from auto_voice.training.scores import score as score_mapper

    _, validation = load_examples(data, recordings)
    _show_scores(score_mapper(read_mapper(mapper), validation), as_json)


def _show_scores(scores: Sequence[Scores], as_json: bool) -> None:
    rows = [asdict(each) for each in scores]
    if as_json:
        emit_json(rows)
    else:
        names = [name.replace("_", " ") for name in rows[0]]
        emit(table(names, [[round(v, 3) if isinstance(v, float) else v for v in row.values()] for row in rows]))


@train.command("transcribe-speech")
@click.option("--speech", type=_EXISTING, required=True, metavar="DIR", help="Recordings, SPEAKER-….flac or .wav.")
@click.option("--out", type=_FOLDER, required=True, metavar="DIR", help="Folder of the transcripts.")
@_EXCLUDED
def transcribe_speech(speech: Path, out: Path, exclude: tuple[str, ...]) -> None:
    """Write down what is said in recordings; those that have been written down are not heard again."""
    from auto_voice.models.runtime import ModelRuntime
    from auto_voice.training.transcribe import recordings_of, transcribe
    from auto_voice.utils.intelligibility import WordRecognizer

    out.mkdir(parents=True, exist_ok=True)
    recognizer = WordRecognizer(ModelRuntime(current_settings()))
    with progress_line("transcribe") as show:
        transcribe(recordings_of(speech, exclude), out / _TRANSCRIPTS, recognizer, show)


@train.command("align-speech")
@click.option("--speech", type=_EXISTING, required=True, metavar="DIR", help="Recordings, SPEAKER-….flac or .wav.")
@click.option("--mapper", type=_FILE, required=True, metavar="FILE", help="A content mapper of generated clips alone.")
@click.option("--out", type=_EXISTING, required=True, metavar="DIR", help="Folder of the transcripts and the clips.")
@_EXCLUDED
@json_option
def align_speech(speech: Path, mapper: Path, out: Path, exclude: tuple[str, ...], as_json: bool) -> None:
    """Make training clips of transcribed recordings: find where each sound is."""
    from auto_voice.inference.content import WhisperContent
    from auto_voice.inference.pitch.swiftf0 import create
    from auto_voice.inference.synthesis import KokoroSynthesizer
    from auto_voice.models.runtime import ModelRuntime
    from auto_voice.training.align import Aligner, align_recordings
    from auto_voice.training.run import read_mapper
    from auto_voice.training.transcribe import read_transcripts, recordings_of

    settings = current_settings()
    runtime = ModelRuntime(settings)
    parts = (KokoroSynthesizer(settings, runtime), WhisperContent(runtime), create(settings, runtime))
    transcripts = read_transcripts(out / _TRANSCRIPTS)
    with progress_line("align") as show:
        count = align_recordings(
            recordings_of(speech, exclude), transcripts, out, Aligner(read_mapper(mapper), *parts), show
        )
    if as_json:
        emit_json({"folder": str(out), "aligned": count})
    else:
        emit(f"{out}: {count} recordings aligned")


@train.command("decoder")
@click.option("--speech", type=_EXISTING, required=True, metavar="DIR", help="Recordings, SPEAKER-….flac or .wav.")
@click.option("--out", type=_FILE, required=True, metavar="FILE", help="The update; its checkpoint goes beside it.")
@click.option("--readings", type=_FOLDER, metavar="DIR", help="Folder of the readings taken apart; else beside OUT.")
@click.option("--mapper", type=_FILE, metavar="FILE", help="A content mapper other than the one that is installed.")
@click.option("--start", type=_FILE, metavar="FILE", help="An update to start from.")
@click.option(
    "--minutes", type=click.FloatRange(0.1, 10_000), default=60.0, show_default=True, help="Of training, in all."
)
@click.option(
    "--strength", type=click.FloatRange(0, 1), default=0.7, show_default=True, help="Share of the change that is kept."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes, to take apart.")
@_EXCLUDED
@json_option
def decoder(
    speech: Path,
    out: Path,
    readings: Path | None,
    mapper: Path | None,
    start: Path | None,
    minutes: float,
    strength: float,
    seed: int,
    workers: int,
    exclude: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fit the decoder, and what voice it expects of an embedding, to many readers. Resumes what was interrupted."""
    from auto_voice.inference.conversion.neural_models import MAPPER_FILE, weights_file
    from auto_voice.training.decoder import DecoderPlan
    from auto_voice.training.decoder_run import in_words, train_decoder
    from auto_voice.training.readers import prepare_readers
    from auto_voice.training.transcribe import recordings_of

    settings = current_settings()
    readings = readings or out.with_suffix(".readings")
    readings.mkdir(parents=True, exist_ok=True)
    with progress_line("take apart") as show:
        recordings = recordings_of(speech, exclude)
        prepare_readers(recordings, readings, settings, seed=seed, workers=workers, progress=show)
    plan = DecoderPlan(minutes=minutes, seed=seed)
    mapper = mapper or weights_file(MAPPER_FILE)
    with progress_line("train") as show:
        scores = train_decoder(
            readings, mapper, out, plan, settings, start=start, strength=strength, say=say, progress=show
        )
    if as_json:
        emit_json(asdict(scores))
    else:
        emit(in_words(scores))
