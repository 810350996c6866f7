"""`autovoice quality`: how good a conversion is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auto_voice.cli.output import emit, emit_json, json_option, table, warn
from auto_voice.cli.session import current_settings
from auto_voice.errors import InputError, ModelLoadError, ProcessingError

if TYPE_CHECKING:
    from auto_voice.audio import Audio
    from auto_voice.config import Settings
    from auto_voice.features import PitchContour
    from auto_voice.utils.quality_metrics import QualityMetricsAggregator


@click.command()
@click.argument("original", type=click.Path(path_type=Path))
@click.argument("converted", type=click.Path(path_type=Path))
@click.option("--target", metavar="PROFILE|WAV", help="The voice aimed at: a profile's id or name, or a recording.")
@click.option("--user-id", metavar="USER", help="The owner of the profile.")
@click.option("--pitch-shift", type=float, default=0.0, show_default=True, help="Semitones asked of the conversion.")
@click.option("--words", is_flag=True, help="Count word errors too (slow).")
@click.option("--text", metavar="TEXT", help="The words, if they are known; implies --words.")
@click.option("--dnsmos", is_flag=True, help="Ask a second judge of naturalness.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Write a page to listen and compare.")
@json_option
def quality(
    original: Path,
    converted: Path,
    target: str | None,
    user_id: str | None,
    pitch_shift: float,
    words: bool,
    text: str | None,
    dnsmos: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Score CONVERTED against ORIGINAL: melody, voice, naturalness, words.

    Compare vocals with vocals: in a whole song the band is scored with the voice.
    """
    from auto_voice.report import ConversionReport, Track, write_report
    from auto_voice.utils.quality_metrics import DEFAULT_PARTS, QualityMetricsAggregator, shortfalls
    from auto_voice.utils.sources import decode_limits, load_audio

    settings = current_settings()
    aggregator = QualityMetricsAggregator(settings)
    limits = decode_limits(settings)
    before, after = load_audio(original, limits), load_audio(converted, limits)
    melody, sung = _melody(aggregator, before), _melody(aggregator, after)
    more = [name for name, asked in (("intelligibility", words or text), ("dnsmos", dnsmos)) if asked]
    metrics = aggregator.compute_all_metrics(
        before,
        after,
        melody,
        sung,
        **target_of(target, user_id, settings),
        transposition_semitones=pitch_shift,
        expected_text=text,
        include=(*DEFAULT_PARTS, *more),
    )
    if report:
        page = ConversionReport(
            title=converted.name,
            original=Track("Original", original, before),
            converted=Track("Converted", converted, after),
            original_pitch=melody,
            converted_pitch=sung,
            transposition_semitones=pitch_shift,
            metrics=metrics,
        )
        write_report(report, page)
    if as_json:
        emit_json(metrics)
    else:
        emit(score_table(metrics))
        for sentence in shortfalls(metrics):
            warn(sentence)


def target_of(target: str | None, user_id: str | None, settings: Settings) -> dict[str, Any]:
    """The voice aimed at as arguments of `compute_all_metrics`: a recording where there is such a file, else a profile.

    Raises:
        ProfileNotFoundError: neither.
    """
    from auto_voice.profiles import ProfileStore

    if target is None:
        return {}
    if Path(target).is_file():
        return {"target_audio": Path(target)}
    store = ProfileStore(settings)
    profile_id = store.find(target, user_id).profile_id
    return {"target_embedding": store.load_embedding(profile_id), "target_audio": store.load_reference(profile_id)}


def score_table(metrics: dict[str, Any]) -> str:
    """The scores for people: a table, and below it why something is missing."""
    from auto_voice.report.scores import reasons, score_rows

    rows = [(row.name, row.value, row.target, row.status, row.remark) for row in score_rows(metrics)]
    return "\n".join([table(("measure", "reached", "target", "", "remarks"), rows), "", *reasons(metrics)])


def _melody(aggregator: QualityMetricsAggregator, audio: Audio) -> PitchContour | None:
    """The melody, for scores and page; None where none can be found, which the scores then explain."""
    try:
        return aggregator.extract_melody(audio)
    except (InputError, ProcessingError, ModelLoadError):
        return None
