"""One conversion of `autovoice convert`: the work, the files, and the account of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auto_voice.audio import Audio, decode
from auto_voice.cli.output import progress_line, warn
from auto_voice.cli.session import current_settings
from auto_voice.cli.song_files import Target, write_together
from auto_voice.inference.pipeline.result import ConversionResult
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.parameters import song_limits
from auto_voice.profiles import VoiceProfile
from auto_voice.progress import ProgressCallback
from auto_voice.provenance import tags

_SHOWN = ("profile_name", "preset", "separation_model", "pitch_engine", "content_model", "converter", "sample_rate")


def convert_one(
    pipeline: SingingConversionPipeline,
    song: Path,
    target: Target,
    profile: VoiceProfile,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Convert a song and write what is wanted of it.

    Args:
        pipeline: does the work.
        song: the original.
        target: where to.
        profile: the voice.
        options: of the command.

    Returns:
        What the command tells about the song, for JSON.

    Raises:
        AutoVoiceError: as `SingingConversionPipeline.convert_song`; StorageError: a file cannot be written.
    """
    begun = time.perf_counter()
    with progress_line(song.name) as show:
        result = _convert(
            pipeline,
            song,
            profile,
            options,
            lambda percent, stage: show(percent / 100, stage.replace("_", " ")),
        )
    for warning in result.warnings:
        warn(f"{song.name}: {warning}")
    files = {target.mix: result.mixed_audio}
    if target.vocals and target.instrumental and result.stems:
        files |= {target.vocals: result.stems.vocals, target.instrumental: result.stems.accompaniment}
    synthetic = tags(None, profile.profile_id)
    # The accompaniment is the original's.
    write_together(files, options["file_format"], {path: synthetic for path in files if path != target.instrumental})
    if target.report:
        _write_report(target.report, song, target, result)
    return {
        "input": str(song),
        "output": str(target.mix),
        "stems": {"vocals": str(target.vocals), "instrumental": str(target.instrumental)} if target.vocals else None,
        "report": str(target.report) if target.report else None,
        "seconds": round(time.perf_counter() - begun, 2),
        "duration_seconds": result.duration,
        "warnings": result.warnings,
        "metadata": result.metadata,
        "quality_metrics": result.quality_metrics,
        "stage_seconds": result.stage_seconds,
    }


def _convert(
    pipeline: SingingConversionPipeline,
    song: Path,
    profile: VoiceProfile,
    options: Mapping[str, Any],
    callback: ProgressCallback,
) -> ConversionResult:
    common = {
        "pitch_shift": options["pitch_shift"],
        "preset": options["preset"],
        "progress_callback": callback,
        "use_cache": not options["no_cache"],
    }
    if options["no_separation"]:
        vocals = decode(song, song_limits(current_settings()))
        return pipeline.convert_vocals(vocals, profile.profile_id, **common)
    return pipeline.convert_song(
        song,
        profile.profile_id,
        vocal_volume=options["vocal_volume"],
        instrumental_volume=options["instrumental_volume"],
        return_stems=options["stems"] or options["report"],
        **common,
    )


def _write_report(page: Path, song: Path, target: Target, result: ConversionResult) -> None:
    from auto_voice.report import ConversionReport, Track, write_report

    original = decode(song, song_limits(current_settings()))
    before, after, accompaniment = original, result.mixed_audio, None
    if result.stems:
        rest, after = result.stems.accompaniment, result.stems.vocals
        before = Audio(original.samples - rest.samples, original.sample_rate)  # the stems of a song add up to it
        accompaniment = Track("Accompaniment", target.instrumental, rest)
    report = ConversionReport(
        title=f"{song.name} in the voice of {result.metadata['profile_name']}",
        original=Track("Original", song, original),
        converted=Track("Converted", target.mix, result.mixed_audio),
        original_vocals=Track("Original vocals", None, before),
        converted_vocals=Track("Converted vocals", target.vocals, after),
        accompaniment=accompaniment,
        original_pitch=result.f0_contour,
        converted_pitch=result.converted_f0_contour,
        transposition_semitones=result.metadata["transposition"]["semitones"],
        metrics=result.quality_metrics,
        stage_seconds=result.stage_seconds,
        warnings=result.warnings,
        settings={name: result.metadata[name] for name in _SHOWN},
    )
    write_report(page, report)
