"""Scores a conversion: melody, voice, naturalness and, on request, words.

    metrics = QualityMetricsAggregator().compute_all_metrics(
        "original.wav", "converted.wav", target_audio="me.wav"
    )
    metrics["pitch_accuracy"]["rmse_hz"], metrics["speaker_similarity"]["cosine_similarity"]

Compare vocals with vocals: in a whole song the band is scored with the voice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_voice.audio import Audio
from auto_voice.errors import (
    InputError,
    InvalidAudioError,
    InvalidParametersError,
    ModelLoadError,
    OutOfMemoryError,
    ProcessingError,
)
from auto_voice.features import PitchContour
from auto_voice.plugins import create
from auto_voice.utils.intelligibility import Intelligibility, WordRecognizer
from auto_voice.utils.naturalness import Naturalness, NaturalnessJudge
from auto_voice.utils.overall_score import (
    OVERALL_QUALITY_TARGET,
    PITCH_RMSE_TARGET_HZ,
    SPEAKER_SIMILARITY_TARGET,
    overall,
    shortfalls,
)
from auto_voice.utils.pitch_accuracy import PitchAccuracy, compare_contours
from auto_voice.utils.sources import (
    AudioSource,
    ContourSource,
    EmbeddingSource,
    decode_limits,
    load_audio,
    load_contour,
    load_embedding,
)
from auto_voice.utils.speaker import SpeakerEncoder
from auto_voice.utils.voice_similarity import SpeakerSimilarity, compare_voices

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

__all__ = [
    "DEFAULT_PARTS",
    "OVERALL_QUALITY_TARGET",
    "PARTS",
    "PITCH_RMSE_TARGET_HZ",
    "SPEAKER_SIMILARITY_TARGET",
    "QualityMetricsAggregator",
    "shortfalls",
]

DEFAULT_PARTS = ("pitch_accuracy", "speaker_similarity", "naturalness")
"""Scored with every conversion: about two seconds for a song of 40 s on two cores."""
PARTS = (*DEFAULT_PARTS, "intelligibility", "dnsmos")
"""All that can be asked for. `dnsmos` adds a second opinion to naturalness."""
MAX_TRANSPOSITION_SEMITONES = 48.0


class QualityMetricsAggregator:
    """Computes every metric of a conversion. Thread-safe; models are leased from the runtime.

    Args:
        settings: the configured ones when not given.
        runtime: where models live; one of its own when not given.
    """

    def __init__(self, settings: Settings | None = None, runtime: ModelRuntime | None = None) -> None:
        if settings is None:
            from auto_voice.config import load_settings

            settings = load_settings()
        if runtime is None:
            from auto_voice.models.runtime import ModelRuntime

            runtime = ModelRuntime(settings)
        self._settings = settings
        self._runtime = runtime
        self._encoder = SpeakerEncoder(runtime)
        self._judge = NaturalnessJudge(runtime)
        self._recognizer = WordRecognizer(runtime)

    def compute_all_metrics(
        self,
        original_audio: AudioSource,
        converted_audio: AudioSource,
        reference_f0: ContourSource | None = None,
        converted_f0: ContourSource | None = None,
        target_embedding: EmbeddingSource | None = None,
        converted_embedding: EmbeddingSource | None = None,
        target_audio: AudioSource | None = None,
        transposition_semitones: float = 0.0,
        expected_text: str | None = None,
        include: Collection[str] = DEFAULT_PARTS,
        sample_rate: int | None = None,
    ) -> dict[str, Any]:
        """Compare a conversion with its original and its target voice.

        Args:
            original_audio: vocals before, as Audio, path, file bytes, or samples (see `sample_rate`).
            converted_audio: vocals after; rate and length may differ.
            reference_f0: melody of the original, as PitchContour, .npy path, or Hz at even steps over the
                whole
                recording; extracted when not given.
            converted_f0: the same of the conversion.
            target_embedding: the voice aimed at, as .npy path or float (256,).
            converted_embedding: the voice that came out; made from the audio when not given.
            target_audio: a recording of the voice aimed at: gives the ceiling, and the embedding if need be.
            transposition_semitones: asked of the conversion; taken out before pitch is scored.
            expected_text: the words, when they are known; else the original's transcript stands for them.
            include: which of PARTS to compute.
            sample_rate: Hz, of audio given as arrays.

        Returns:
            The fields of PitchAccuracy, SpeakerSimilarity, Naturalness and Intelligibility under
            `pitch_accuracy`, `speaker_similarity`, `naturalness`, `intelligibility`; `overall_quality_score`
            (0 to 1 or null) with its `overall_score_parts`; `evaluation_timestamp` (ISO 8601, UTC). All of it
            can be written as JSON; what couldn't be measured is null, with a reason.

        Raises:
            InvalidParametersError: a parameter is out of range, or an array is of the wrong kind.
            InvalidAudioError: a file can't be read as audio.
            NotFoundError: there is no such file.
        """
        _check(include, transposition_semitones)
        limits = decode_limits(self._settings)
        original = load_audio(original_audio, limits, sample_rate)
        converted = load_audio(converted_audio, limits, sample_rate)
        target_recording = None if target_audio is None else load_audio(target_audio, limits, sample_rate)
        target = None if target_embedding is None else load_embedding(target_embedding)
        voice = converted if converted_embedding is None else load_embedding(converted_embedding)
        melody = None if reference_f0 is None else load_contour(reference_f0, original)
        sung = None if converted_f0 is None else load_contour(converted_f0, converted)

        def pitch() -> PitchAccuracy:
            reference = melody or self.extract_melody(original)
            return compare_contours(reference, sung or self.extract_melody(converted), transposition_semitones)

        def likeness() -> SpeakerSimilarity:
            return compare_voices(self._encoder, original, voice, target, target_recording)

        def naturalness() -> Naturalness:
            return self._judge.compare(original, converted, with_dnsmos="dnsmos" in include)

        def words() -> Intelligibility:
            return self._recognizer.compare(original, converted, expected_text=expected_text)

        computations: dict[str, tuple[Callable[[], Any], type[Any]]] = {
            "pitch_accuracy": (pitch, PitchAccuracy),
            "speaker_similarity": (likeness, SpeakerSimilarity),
            "naturalness": (naturalness, Naturalness),
            "intelligibility": (words, Intelligibility),
        }
        asked = {"naturalness" if name == "dnsmos" else name for name in include}
        parts = {
            name: _measured(compute, nothing) if name in asked else asdict(nothing(reason="not asked for"))
            for name, (compute, nothing) in computations.items()
        }
        score, used = overall(parts)
        return {
            **parts,
            "overall_quality_score": score,
            "overall_score_parts": used,
            "evaluation_timestamp": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }

    def extract_melody(self, audio: Audio) -> PitchContour:
        """The melody by the pitch engine of the default preset, as the scores use it.

        Raises:
            InvalidAudioError: there are samples that aren't numbers.
            AudioTooShortError, PitchExtractionFailedError, ModelLoadError: as the engine.
        """
        if not np.isfinite(audio.samples).all():
            raise InvalidAudioError("the audio has samples that aren't numbers")
        contour: PitchContour = self._pitch_engine.extract(audio)
        return contour

    @cached_property
    def _pitch_engine(self) -> Any:
        quality = self._settings.quality
        preset = quality.presets[quality.default_preset]
        return create("pitch", preset.pitch_engine, self._settings, self._runtime)


def _check(include: Collection[str], transposition_semitones: float) -> None:
    unknown = sorted(set(include) - set(PARTS))
    if unknown:
        raise InvalidParametersError(f"unknown metrics {', '.join(unknown)}: there are {', '.join(PARTS)}")
    if not abs(transposition_semitones) <= MAX_TRANSPOSITION_SEMITONES:
        raise InvalidParametersError(f"transposition_semitones must be within ±{MAX_TRANSPOSITION_SEMITONES:g}")


def _measured(compute: Callable[[], Any], nothing: type[Any]) -> dict[str, Any]:
    """The fields of a part; nulls and the reason when this input, or this installation, doesn't allow it.

    A conversion isn't lost because it can't be scored: only cancelling and bugs get through.
    """
    try:
        fields = asdict(compute())
    except (InputError, ProcessingError, ModelLoadError, OutOfMemoryError) as error:
        return asdict(nothing(reason=error.message))
    if not all(math.isfinite(value) for value in fields.values() if isinstance(value, float)):
        return asdict(nothing(reason="the figures are not finite numbers"))
    return fields
