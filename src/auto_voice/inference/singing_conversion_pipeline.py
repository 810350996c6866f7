"""A song in, the same song out in another voice: the order of the stages, and nothing but that."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_voice.audio import Audio, check, decode
from auto_voice.config import Settings, load_settings
from auto_voice.errors import PitchExtractionFailedError
from auto_voice.features import PitchContour, Stems, Transposition, part_of
from auto_voice.inference.memory import release_memory
from auto_voice.inference.mixing import match_level, mix
from auto_voice.inference.pipeline.engines import GivenEngines, make_engines
from auto_voice.inference.pipeline.job import ConversionJob
from auto_voice.inference.pipeline.result import ConversionResult
from auto_voice.inference.pipeline.scoring import score
from auto_voice.inference.pipeline.stage_cache import StageCache, array_hash, content_hash, stage_key
from auto_voice.inference.pipeline.target_voice import voice_state
from auto_voice.inference.pipeline.vocal_presence import has_vocals, refuse_noise, refuse_silence
from auto_voice.inference.recordings.speech_activity import SpeechActivityDetector
from auto_voice.models.runtime import ModelRuntime
from auto_voice.parameters import PitchShift, checked_pitch_shift, checked_preset, checked_volume, song_limits
from auto_voice.profiles import ProfileStore
from auto_voice.progress import ProgressCallback, StageWatch
from auto_voice.utils.quality_metrics import QualityMetricsAggregator

if TYPE_CHECKING:
    from auto_voice.inference.content import ContentExtractor
    from auto_voice.inference.conversion import Converter
    from auto_voice.inference.pitch import PitchExtractor
    from auto_voice.inference.separation import Separator


class SingingConversionPipeline:
    """Converts songs and dry vocals into cloned voices. Thread-safe; models are shared through the runtime.

    Args:
        settings: the configured ones when not given.
        device: overrides `gpu.device` where no runtime is given.
        runtime: where models live; one of its own when not given.
        separator: serves instead of the preset's, as do the next three.
        pitch: see separator.
        content: see separator.
        converter: see separator.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        device: str | None = None,
        runtime: ModelRuntime | None = None,
        *,
        separator: Separator | None = None,
        pitch: PitchExtractor | None = None,
        content: ContentExtractor | None = None,
        converter: Converter | None = None,
    ) -> None:
        self._settings = settings or load_settings()
        self._runtime = runtime or ModelRuntime(self._settings, device)
        self._profiles = ProfileStore(self._settings)
        self._aggregator = QualityMetricsAggregator(self._settings, self._runtime)
        self._detector = SpeechActivityDetector(self._runtime)
        self._given = GivenEngines(separator=separator, pitch=pitch, content=content, converter=converter)

    def convert_song(
        self,
        song_path: Path | str | bytes,
        target_profile_id: str,
        vocal_volume: float = 1.0,
        instrumental_volume: float = 0.9,
        pitch_shift: PitchShift = 0.0,
        preset: str | None = None,
        progress_callback: ProgressCallback | None = None,
        return_stems: bool = False,
        user_id: str | None = None,
        use_cache: bool = True,
    ) -> ConversionResult:
        """Replace the voice of a song, keeping its words, melody and accompaniment.

        Args:
            song_path: a file in any format that can be decoded, or its bytes.
            target_profile_id: the voice.
            vocal_volume: linear, 0–2.
            instrumental_volume: linear, 0–2.
            pitch_shift: semitones, ±12, or "auto" for the octave that suits the voice.
            preset: "fast", "balanced" or "quality"; the configured default where none is named.
            progress_callback: called with the progress (0–100, never falling) and the stage's name; what it
                raises cancels the work and reaches the caller.
            return_stems: give the stems too.
            user_id: the profile must be this user's.
            use_cache: results kept from earlier conversions may serve; what is made is kept either way.

        Returns:
            The song, of its own rate, channels and length. Without vocals it comes back as it was, with a
            warning.

        Raises:
            InvalidParametersError: a parameter is out of range.
            ProfileNotFoundError: this user has no such profile.
            InvalidAudioError: the file cannot be read.
            FileTooLargeError: it is over the configured limits.
            LowQualityAudioError: there is nothing in it but noise, or nothing at all.
            ProcessingError: a stage could not do its work.
        """
        volumes = (
            checked_volume(vocal_volume, "vocal_volume"),
            checked_volume(instrumental_volume, "instrumental_volume"),
        )
        cache = StageCache(self._settings, read=use_cache)
        job = self._job(target_profile_id, pitch_shift, preset, progress_callback, user_id, cache)
        try:
            with job.watch.stage("source_separation") as progress:
                song = decode(song_path, song_limits(self._settings))
                refuse_silence(song)
                separator = job.engines.separator
                wanted = self._settings.quality.presets[job.preset]
                key = stage_key(
                    content_hash(song_path), wanted.separation_model, wanted.separation_shifts, separator.name
                )
                stems = job.cache.stems(key, song, partial(separator.separate, song, progress))
            with job.watch.stage("pitch_extraction") as progress:
                contour = job.melody(stems.vocals, key, part_of(progress, 0, 0.8))
                sung = has_vocals(stems, contour, self._detector, part_of(progress, 0.8, 1))
            if not sung:
                refuse_noise(song)
                return job.unchanged(song, stems, return_stems)
            del song  # from here on the stems are the song
            return self._convert(job, stems, key, contour, volumes, return_stems=return_stems)
        finally:
            release_memory()

    def convert_vocals(
        self,
        vocals: Audio,
        target_profile_id: str,
        pitch_shift: PitchShift = 0.0,
        progress_callback: ProgressCallback | None = None,
        *,
        preset: str | None = None,
        user_id: str | None = None,
        use_cache: bool = True,
        with_scores: bool = True,
    ) -> ConversionResult:
        """Replace the voice of vocals or speech that stand alone: every stage but the separation.

        Args and Raises as `convert_song`, and:
            vocals: one voice, of any rate, channels and length.
            progress_callback: begins at 25, where the separation would have ended.
            use_cache: with False nothing is kept either: a spoken sentence seldom comes back.
            with_scores: score the result, which takes about two seconds for a minute.
        """
        cache = StageCache(self._settings, read=use_cache, keep=use_cache)
        job = self._job(target_profile_id, pitch_shift, preset, progress_callback, user_id, cache)
        try:
            check(vocals, song_limits(self._settings, min_seconds=0.0))  # a sentence may be one short word
            nothing = Audio(np.zeros_like(vocals.samples), vocals.sample_rate)
            stems = Stems(vocals=vocals, accompaniment=nothing, model="none")
            key = stage_key(array_hash({"vocals": vocals.samples}), vocals.sample_rate)
            with job.watch.stage("pitch_extraction") as progress:
                contour = job.melody(vocals, key, progress)
            if not contour.voiced.any():
                remedy = "use a recording in which somebody sings or speaks"
                raise PitchExtractionFailedError(suggestions=[remedy])
            return self._convert(job, stems, key, contour, (1.0, 0.0), with_scores=with_scores)
        finally:
            release_memory()

    def _job(
        self,
        profile_id: str,
        pitch_shift: PitchShift,
        preset: str | None,
        callback: ProgressCallback | None,
        user_id: str | None,
        cache: StageCache,
    ) -> ConversionJob:
        name = checked_preset(preset, self._settings)
        return ConversionJob(
            profile=self._profiles.get(profile_id, user_id),
            preset=name,
            engines=make_engines(name, self._settings, self._runtime, self._given),
            pitch_shift=checked_pitch_shift(pitch_shift),
            cache=cache,
            watch=StageWatch(callback),
        )

    def _convert(
        self,
        job: ConversionJob,
        stems: Stems,
        key: str,
        contour: PitchContour,
        volumes: tuple[float, float],
        *,
        return_stems: bool = False,
        with_scores: bool = True,
    ) -> ConversionResult:
        """Conversion and mixing; `key` stands for the stems, `volumes` is (vocals, rest)."""
        engines, cache, vocals = job.engines, job.cache, stems.vocals

        with job.watch.stage("voice_conversion") as progress:
            hearing, converting = part_of(progress, 0.1, 0.5), part_of(progress, 0.5, 1)
            voice = voice_state(job.profile.profile_id, self._profiles, engines, part_of(progress, 0, 0.1))
            transposition = job.transposition(contour)
            semitones = transposition.semitones
            content_key = stage_key(key, engines.content.name)
            conversion_key = stage_key(
                content_key, engines.pitch.name, engines.converter.name, job.preset, array_hash(voice), semitones
            )

            def convert() -> Audio:
                content = cache.content(content_key, lambda: engines.content.extract(vocals, hearing))
                return engines.converter.convert(vocals, contour, content, voice, semitones, converting)

            converted = cache.converted(conversion_key, convert)

        with job.watch.stage("audio_mixing") as progress:
            converted = match_level(converted, vocals, part_of(progress, 0, 0.2))
            sung: PitchContour | None = None
            scores: dict[str, Any] = {}
            if with_scores:
                sung_key = stage_key(conversion_key, "sung")
                sung = job.melody(converted, sung_key, part_of(progress, 0.2, 0.5))
                before, after = (vocals, contour), (converted, sung)
                scores = cache.scores(sung_key, lambda: self._score(job, before, after, transposition))
            mixed = mix(converted, stems.accompaniment, *volumes, part_of(progress, 0.8, 1))

        return job.result(
            mixed,
            stems,
            contour,
            transposition,
            converted_vocals=converted if return_stems else None,
            converted_f0_contour=sung,
            quality_metrics=scores,
            events=self._runtime.drain_events(),
        )

    def _score(
        self,
        job: ConversionJob,
        original: tuple[Audio, PitchContour],
        converted: tuple[Audio, PitchContour],
        transposition: Transposition,
    ) -> dict[str, Any]:
        return score(
            self._aggregator,
            self._profiles,
            job.profile.profile_id,
            original=original,
            converted=converted,
            semitones=transposition.semitones,
        )
