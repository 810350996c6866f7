"""Score a conversion against the targets: exit code 0 when all that could be measured are met, 1 when one is missed."""

import sys
from typing import Any

import click

from auto_voice.cli.failures import report_error
from auto_voice.cli.output import emit, emit_json
from auto_voice.cli.quality import score_table, target_of
from auto_voice.config import load_settings
from auto_voice.errors import AutoVoiceError
from auto_voice.utils.quality_metrics import QualityMetricsAggregator, shortfalls


@click.command()
@click.argument("original_audio", type=click.Path())
@click.argument("converted_audio", type=click.Path())
@click.option("--reference-f0", type=click.Path(), help=".npy, Hz; else extracted.")
@click.option("--converted-f0", type=click.Path(), help=".npy, Hz; else extracted.")
@click.option("--target-embedding", type=click.Path(), help=".npy of the voice aimed at.")
@click.option("--converted-embedding", type=click.Path(), help=".npy; else made from the audio.")
@click.option("--target", metavar="PROFILE|WAV", help="The voice aimed at, instead of --target-embedding.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check_quality(target: str | None, as_json: bool, **sources: Any) -> None:
    """Compute the metrics of CONVERTED_AUDIO against ORIGINAL_AUDIO and warn of every target that is missed."""
    settings = load_settings()
    metrics = QualityMetricsAggregator(settings).compute_all_metrics(**sources | target_of(target, None, settings))
    missed = shortfalls(metrics)
    emit_json(metrics | {"warnings": missed}) if as_json else emit(score_table(metrics))
    for sentence in missed:
        click.echo(f"WARNING: {sentence}", err=as_json)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    try:
        check_quality()
    except AutoVoiceError as error:
        sys.exit(report_error(error, as_json="--json" in sys.argv))
