"""What a demonstration leaves in its folder: sounds, and a page to listen, look and compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auto_voice.audio import Audio, write
from auto_voice.demo.folder import RESULTS, DemoFolder
from auto_voice.report import ConversionReport, Track, write_report

if TYPE_CHECKING:
    from auto_voice.inference.pipeline.result import ConversionResult
    from auto_voice.profiles import VoiceProfile

_MP3_CHANNELS = 2
_SHOWN = ("preset", "separation_model", "pitch_engine", "content_model", "converter", "transposition", "sample_rate")


@dataclass(frozen=True, kw_only=True)
class Results:
    """All there is to write.

    Attributes:
        song: file of the original.
        original: its sound.
        voice: the recording that was cloned.
        profile: what was made of it.
        conversion: with its stems.
        spoken: a sentence in the voice.
        seconds: how long each part took.
    """

    song: Path
    original: Audio
    voice: Path
    profile: VoiceProfile
    conversion: ConversionResult
    spoken: Audio
    seconds: Mapping[str, float]


def write_results(folder: DemoFolder, results: Results) -> dict[str, Path]:
    """Write all of RESULTS, each whole or not at all.

    Returns:
        The files by what they are: "converted", "converted_mp3", "vocals", "accompaniment", "converted_vocals",
        "spoken", "report".

    Raises:
        StorageError: the disk is full or closed to us.
    """
    files = {key: folder / name for key, name in RESULTS.items()}
    mixed, stems = results.conversion.mixed_audio, results.conversion.stems
    assert stems is not None
    # Separators give the rest of the song as the accompaniment, so what is missing in it is the voice.
    vocals = Audio(results.original.samples - stems.accompaniment.samples, mixed.sample_rate)
    sounds = {
        "converted": mixed,
        "converted_mp3": mixed if mixed.channels <= _MP3_CHANNELS else Audio(mixed.mono()[None], mixed.sample_rate),
        "vocals": vocals,
        "accompaniment": stems.accompaniment,
        "converted_vocals": stems.vocals,
        "spoken": results.spoken,
    }
    for key, sound in sounds.items():
        write(files[key], sound)
    write_report(files["report"], _page(results, files, sounds))
    return files


def _page(results: Results, files: Mapping[str, Path], sounds: Mapping[str, Audio]) -> ConversionReport:
    conversion = results.conversion
    return ConversionReport(
        title=f"{results.song.name} in the voice of {results.voice.name}",
        original=Track("The song", results.song, results.original),
        converted=Track("The song in the cloned voice", files["converted_mp3"], conversion.mixed_audio),
        original_vocals=Track("Vocals of the song", files["vocals"], sounds["vocals"]),
        converted_vocals=Track("Converted vocals", files["converted_vocals"], sounds["converted_vocals"]),
        accompaniment=Track("Accompaniment", files["accompaniment"], sounds["accompaniment"]),
        target=Track("The voice that was cloned", results.voice),
        spoken=Track("A sentence spoken in it", files["spoken"], results.spoken),
        original_pitch=conversion.f0_contour,
        converted_pitch=conversion.converted_f0_contour,
        transposition_semitones=conversion.metadata["transposition"]["semitones"],
        metrics=conversion.quality_metrics,
        stage_seconds=results.seconds,
        warnings=[*results.profile.quality_metrics.warnings, *conversion.warnings],
        settings={name: conversion.metadata[name] for name in _SHOWN},
    )
