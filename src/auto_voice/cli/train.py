"""`autovoice train`: making the networks that AutoVoice ships."""

from __future__ import annotations

from pathlib import Path

import click

from auto_voice.cli.output import emit, emit_json, json_option, progress_line
from auto_voice.cli.session import current_settings

_FOLDER = click.Path(file_okay=False, path_type=Path)


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
