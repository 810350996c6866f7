"""`autovoice demo`: the whole main job once, on material made on the spot or on the user's own files."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auto_voice.cli.output import emit, emit_json, json_option, progress_line, table, warn
from auto_voice.cli.session import current_settings

if TYPE_CHECKING:
    from auto_voice.demo.run import Outcome

_file = click.Path(path_type=Path)


@click.command()
@click.option("--song", type=_file, metavar="FILE", help="A song of yours; one of ours when not given.")
@click.option("--voice", type=_file, metavar="FILE", help="30 s or more of your voice; one of ours when not given.")
@click.option("-o", "--output", type=_file, default="demo", show_default=True, metavar="FOLDER", help="Where to.")
@click.option("--force", is_flag=True, help="Replace files in FOLDER that no demonstration made.")
@click.option("--no-cache", is_flag=True, help="Make everything anew.")
@json_option
def demo(song: Path | None, voice: Path | None, output: Path, force: bool, no_cache: bool, as_json: bool) -> None:
    """Clone a voice, convert a song into it, speak a sentence in it, and show all of it on a page.

    Voice and song are made on the spot: no recording is needed. What an earlier run in the same folder made is used
    again, so a second one takes seconds. Voices cloned here stay here: they are not among your profiles.
    """
    settings = current_settings()
    from auto_voice.demo.folder import DemoFolder

    begun = time.perf_counter()
    folder = DemoFolder(output, force=force)
    with progress_line("demo") as show:
        show(0.0, "starting")
        from auto_voice.demo.run import Demo

        outcome = Demo(settings, folder, use_cache=not no_cache).run(show, song, voice)
        show(1.0, "done")
    total = time.perf_counter() - begun
    for warning in outcome.warnings:
        warn(warning)
    if as_json:
        emit_json(_document(outcome, total))
    else:
        _show(outcome, total)


def _document(outcome: Outcome, total: float) -> dict[str, Any]:
    return {
        "voice": str(outcome.voice),
        "song": str(outcome.song),
        "files": {name: str(path) for name, path in outcome.files.items()},
        "seconds": round(total, 2),
        "stage_seconds": outcome.seconds,
        "warnings": outcome.warnings,
        "metadata": outcome.conversion.metadata,
        "quality_metrics": outcome.conversion.quality_metrics,
    }


def _show(outcome: Outcome, total: float) -> None:
    """Where everything is, how good it is, how long it took; the page last, where the eye is."""
    from auto_voice.report.scores import reasons, score_rows

    files = {"the voice": outcome.voice, "the song": outcome.song}
    files |= {name.replace("_", " "): path for name, path in outcome.files.items()}
    metrics = outcome.conversion.quality_metrics
    _table(("file", "where"), list(files.items()))
    rows = [(row.name, row.value, row.target, row.status) for row in score_rows(metrics)]
    _table(("score", "reached", "target", ""), rows)
    for reason in reasons(metrics):
        emit(reason)
    times = [*outcome.seconds.items(), ("all, with starting up", total)]
    _table(("stage", "seconds"), [(name, f"{seconds:.1f}") for name, seconds in times])
    emit(f"Listen and compare: {outcome.files['report'].absolute().as_uri()}")


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows with lines and colours on a terminal, plain columns elsewhere."""
    if not sys.stdout.isatty():
        emit(table(headers, rows) + "\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for header in headers:
        drawn.add_column(header, justify="right" if header == "seconds" else "left", overflow="fold")
    colours = {"met": "green", "missed": "red"}
    for row in rows:
        drawn.add_row(*(Text(str(cell), style=colours.get(str(cell), "")) for cell in row))
    Console().print(drawn, "")
