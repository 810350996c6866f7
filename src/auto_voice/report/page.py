"""Puts the page together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from auto_voice import __version__
from auto_voice.atomic_file import atomic_write
from auto_voice.report import curves
from auto_voice.report.document import ConversionReport, Track
from auto_voice.report.scores import Score, reasons, score_rows
from auto_voice.report.spectrogram import TOP_HZ, spectrogram_png

_ENVIRONMENT = Environment(
    loader=PackageLoader("auto_voice", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HEADLINES = 4


def write_report(path: Path, report: ConversionReport) -> None:
    """Write the page: one HTML file; only the sounds it plays stay files beside it.

    Args:
        path: the file to write, whole or not at all.
        report: what to show.

    Raises:
        InvalidAudioError, NotFoundError: a track that a picture needs can't be read.
        StorageError: the page can't be written.
    """
    html = _ENVIRONMENT.get_template("report.html").render(
        report=report,
        version=__version__,
        made=datetime.now(timezone.utc),
        players=[_player(track, path.absolute().parent) for track in report.tracks()],
        pictures=_pictures(report),
        headlines=_headlines(score_rows(report.metrics)),
        scores=score_rows(report.metrics),
        reasons=reasons(report.metrics),
        stages=_stages(report.stage_seconds),
        settings={_words(name): _value(value) for name, value in report.settings.items()},
        curves=curves,
        top_khz=TOP_HZ // 1000,
    )
    with atomic_write(path) as file:
        file.write(html.encode("utf-8", "replace"))


def _player(track: Track, folder: Path) -> dict[str, Any]:
    """A track as the page shows it; its address is percent-encoded, so a hostile file name stays a file name."""
    assert track.path is not None
    relative = os.path.relpath(track.path.absolute(), folder).replace(os.sep, "/")
    return {
        "label": track.label,
        "note": track.note,
        "address": quote(os.fsencode("./" + relative)),
        "file": track.path.name.encode("utf-8", "replace").decode(),
    }


def _pictures(report: ConversionReport) -> dict[str, Any]:
    tracks = zip(("original", "converted"), report.pair(), strict=True)
    drawn = [(track.label, kind, sound) for kind, track in tracks if (sound := track.sound()) and sound.frames]
    seconds = max((sound.duration for _, _, sound in drawn), default=0.0)
    if not seconds:
        return {"waves": [], "melody": None, "spectrograms": []}
    return {
        "seconds": seconds,
        "times": curves.time_ticks(seconds),
        "waves": [
            {"label": label, "kind": kind, "path": curves.waveform(sound, seconds)} for label, kind, sound in drawn
        ],
        "melody": curves.melodies(
            report.original_pitch, report.converted_pitch, report.transposition_semitones, seconds
        ),
        "spectrograms": [{"label": label, "image": spectrogram_png(sound)} for label, _, sound in drawn],
    }


def _headlines(scores: list[Score]) -> list[Score]:
    """The figures at the top: those that have a target."""
    return [score for score in scores if score.target][:_HEADLINES]


def _stages(seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    longest = max(seconds.values(), default=0.0) or 1.0
    return [{"name": _words(name), "seconds": took, "percent": 100 * took / longest} for name, took in seconds.items()]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _value(value: object) -> str:
    """A setting as people read it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')} {_value(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)
