"""`autovoice convert`: songs, or dry vocals, into a cloned voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auto_voice.cli.failures import error_document, report_error
from auto_voice.cli.output import emit, emit_json, json_option, table, warn
from auto_voice.cli.session import current_settings
from auto_voice.cli.song_files import Target, check_target, find_songs, is_folder, target_of
from auto_voice.errors import AutoVoiceError, CancelledError, InvalidParametersError

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
    from auto_voice.profiles import VoiceProfile


@click.command()
@click.argument("songs", nargs=-1, required=True, metavar="SONG...")
@click.option("--voice", required=True, metavar="PROFILE", help="The voice: a profile's id or name.")
@click.option("--user-id", metavar="USER", help="The owner of the voice.")
@click.option("-o", "--output", metavar="FILE|FOLDER", help="Where to; else 'SONG (VOICE).wav' beside the song.")
@click.option("--format", "file_format", metavar="FORMAT", help="wav, flac, mp3, ogg or opus; else by the suffix.")
@click.option("--preset", metavar="PRESET", help="fast, balanced or quality.")
@click.option("--pitch-shift", default="0", show_default=True, help="Semitones, -12 to 12, or auto.")
@click.option("--vocal-volume", type=float, default=1.0, show_default=True, help="0 to 2.")
@click.option("--instrumental-volume", type=float, default=0.9, show_default=True, help="0 to 2.")
@click.option("--stems", is_flag=True, help="Write the converted vocals and the accompaniment too.")
@click.option("--report", is_flag=True, help="Write a page to listen, look and compare (HTML).")
@click.option("--no-separation", is_flag=True, help="SONG is dry vocals or speech, without a band.")
@click.option("--no-cache", is_flag=True, help="Make everything anew.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@json_option
def convert(songs: tuple[str, ...], voice: str, user_id: str | None, as_json: bool, **options: Any) -> None:
    """Convert songs into a cloned voice.

    SONG is a file, a folder of songs, or a pattern such as 'album/*.mp3'. When one of several songs cannot be
    converted the others are; the exit code is then that of the first that could not.
    """
    from auto_voice.cli.conversion_run import convert_one
    from auto_voice.parameters import parse_pitch_shift
    from auto_voice.profiles import ProfileStore

    if options["no_separation"] and options["stems"]:
        raise click.UsageError("--no-separation leaves no stems to write: drop --stems")
    options["pitch_shift"] = parse_pitch_shift(options["pitch_shift"])
    settings = current_settings()
    profile = ProfileStore(settings).find(voice, user_id)
    files = find_songs(songs)
    targets = _targets(files, profile, options)
    pipeline = _make_pipeline(settings)
    outcomes: list[dict[str, Any]] = []
    failures: list[AutoVoiceError] = []
    for song in files:
        try:
            check_target(targets[song], song, options["force"])
            outcomes.append(convert_one(pipeline, song, targets[song], profile, options))
        except CancelledError:
            raise
        except AutoVoiceError as error:
            if len(files) == 1:
                raise
            warn(f"{song}: not converted")
            report_error(error, as_json=False)
            failures.append(error)
            outcomes.append({"input": str(song), **error_document(error)})
    if as_json:
        emit_json({"profile_id": profile.profile_id, "converted": len(files) - len(failures), "files": outcomes})
    else:
        emit(_summary(outcomes))
    if failures:
        raise click.exceptions.Exit(failures[0].exit_code)


def _make_pipeline(settings: Settings) -> SingingConversionPipeline:
    """Imports PyTorch, so it comes after everything that can be refused at once."""
    from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline

    return SingingConversionPipeline(settings)


def _targets(songs: Sequence[Path], profile: VoiceProfile, options: Mapping[str, Any]) -> dict[Path, Target]:
    """Where each song's conversion goes; makes the output folder. Raises InvalidParametersError on a clash."""
    from auto_voice.audio.encode import FORMATS

    output = Path(options["output"]) if options["output"] else None
    into_folder = bool(output) and (len(songs) > 1 or is_folder(options["output"]))
    suffix = options["file_format"] or (output.suffix.lstrip(".").lower() if output and not into_folder else "wav")
    if suffix not in FORMATS:
        choices = f"choose one of {', '.join(FORMATS)} by --format or the suffix of --output"
        raise InvalidParametersError(f"cannot write {suffix!r} files", suggestions=[choices])
    targets = {
        song: target_of(
            song,
            profile.profile_name,
            output,
            f".{suffix}",
            into_folder=into_folder,
            stems=options["stems"],
            report=options["report"],
        )
        for song in songs
    }
    clashing = len(songs) - len({target.mix for target in targets.values()})
    if clashing:
        raise InvalidParametersError(
            f"{clashing} of the songs have the same name as others: their conversions would overwrite each other",
            suggestions=["convert them one by one, each with its own --output"],
        )
    if output and into_folder:
        output.mkdir(parents=True, exist_ok=True)
    return targets


def _summary(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """What became of each song, with its scores."""
    rows = []
    for outcome in outcomes:
        if "error" in outcome:
            rows.append((Path(outcome["input"]).name, f"failed: {outcome['message']}", "", "", "", ""))
            continue
        scores = outcome["quality_metrics"]
        rows.append(
            (
                Path(outcome["input"]).name,
                outcome["output"],
                f"{outcome['seconds']:.1f} s",
                _figure(scores.get("overall_quality_score")),
                _figure(scores.get("speaker_similarity", {}).get("cosine_similarity")),
                _figure(scores.get("pitch_accuracy", {}).get("rmse_hz"), 1),
            )
        )
    return table(("song", "result", "took", "score", "similarity", "pitch error Hz"), rows)


def _figure(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
