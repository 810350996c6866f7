"""`autovoice separate`: songs into vocals and accompaniment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auto_voice.cli.failures import error_document, report_error
from auto_voice.cli.output import emit, emit_json, json_option, progress_line, table, warn
from auto_voice.cli.session import current_settings
from auto_voice.cli.song_files import find_songs, shortened, write_together
from auto_voice.errors import AutoVoiceError, CancelledError, InvalidParametersError

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.inference.separation import Separator


@click.command()
@click.argument("songs", nargs=-1, required=True, metavar="SONG...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where the stems go."
)
@click.option("--model", metavar="MODEL", help="spleeter, htdemucs or htdemucs_ft; else the default preset's.")
@click.option("--format", "file_format", default="wav", show_default=True, help="wav, flac, mp3, ogg or opus.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@json_option
def separate(
    songs: tuple[str, ...], output: Path, model: str | None, file_format: str, force: bool, as_json: bool
) -> None:
    """Take songs apart into vocals and accompaniment, which together are the song again.

    SONG is a file, a folder of songs, or a pattern such as 'album/*.mp3'. When one of several songs cannot be
    taken apart the others are; the exit code is then that of the first that could not.
    """
    settings = current_settings()
    stems = _stem_files(find_songs(songs), output, file_format, force)
    separator = _make_separator(settings, model)
    outcomes: list[dict[str, Any]] = []
    failures: list[AutoVoiceError] = []
    for song, files in stems.items():
        try:
            outcomes.append(_separate(separator, song, files, settings))
        except CancelledError:
            raise
        except AutoVoiceError as error:
            if len(stems) == 1:
                raise
            warn(f"{song}: not taken apart")
            report_error(error, as_json=False)
            failures.append(error)
            outcomes.append({"input": str(song), **error_document(error)})
    if as_json:
        emit_json({"separated": len(stems) - len(failures), "files": outcomes})
    else:
        emit(_summary(outcomes))
    if failures:
        raise click.exceptions.Exit(failures[0].exit_code)


def _stem_files(songs: list[Path], output: Path, file_format: str, force: bool) -> dict[Path, tuple[Path, Path]]:
    """Vocals and accompaniment of every song; makes the folder.

    Raises:
        InvalidParametersError: the format cannot be written, files are there already, or two songs share a name.
    """
    from auto_voice.audio.encode import FORMATS

    if file_format not in FORMATS:
        raise InvalidParametersError(f"cannot write {file_format!r} files; choose one of {', '.join(FORMATS)}")
    if output.exists() and not output.is_dir():
        raise InvalidParametersError(f"{str(output)!r} is a file; --output is a folder")
    stems = {
        song: (output / f"{name} - vocals.{file_format}", output / f"{name} - accompaniment.{file_format}")
        for song, name in ((song, shortened(song.stem)) for song in songs)
    }
    if len(set(stems.values())) < len(stems):
        raise InvalidParametersError(
            "songs of the same name would overwrite each other's stems",
            suggestions=["take them apart one by one, each with its own --output"],
        )
    there = [file for files in stems.values() for file in files if file.exists()]
    if there and not force:
        raise InvalidParametersError(
            f"{str(there[0])!r} is there already", suggestions=["--force to replace it", "another --output"]
        )
    output.mkdir(parents=True, exist_ok=True)
    return stems


def _make_separator(settings: Settings, model: str | None) -> Separator:
    """Imports PyTorch, so it comes after everything that can be refused at once."""
    from auto_voice import plugins
    from auto_voice.models.runtime import ModelRuntime

    name = model or settings.quality.presets[settings.quality.default_preset].separation_model
    separator: Separator = plugins.create("separators", name, settings, ModelRuntime(settings))
    return separator


def _separate(separator: Separator, song: Path, files: tuple[Path, Path], settings: Settings) -> dict[str, Any]:
    from auto_voice.audio import decode
    from auto_voice.parameters import song_limits

    begun = time.perf_counter()
    mix = decode(song, song_limits(settings))
    with progress_line(song.name) as progress:
        stems = separator.separate(mix, progress)
    for warning in stems.warnings:
        warn(warning)
    vocals, accompaniment = files
    write_together({vocals: stems.vocals, accompaniment: stems.accompaniment}, files[0].suffix.lstrip("."))
    return {
        "input": str(song),
        "vocals": str(vocals),
        "accompaniment": str(accompaniment),
        "model": stems.model,
        "warnings": list(stems.warnings),
        "duration": round(mix.duration, 3),
        "seconds": round(time.perf_counter() - begun, 3),
    }


def _summary(outcomes: list[dict[str, Any]]) -> str:
    rows = [
        (outcome["vocals"], outcome["accompaniment"], outcome["model"], f"{outcome['seconds']:.1f} s")
        for outcome in outcomes
        if "vocals" in outcome
    ]
    return table(("vocals", "accompaniment", "model", "time"), rows)
