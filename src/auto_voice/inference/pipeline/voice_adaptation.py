"""Fitting a converter to a profile's voice, and what the profile says of it."""

from __future__ import annotations

from auto_voice.audio import Audio
from auto_voice.errors import InvalidParametersError
from auto_voice.features import ContentFeatures, PitchContour, Progress, VoiceState
from auto_voice.inference.conversion import AdaptiveConverter, Converter
from auto_voice.profiles import AdaptationInfo


def adaptive(converter: Converter, preset: str) -> AdaptiveConverter:
    """The converter, once it is known that it can be fitted to a voice.

    Raises:
        InvalidParametersError: it cannot.
    """
    if isinstance(converter, AdaptiveConverter):
        return converter
    raise InvalidParametersError(
        f"the converter {converter.name!r} of the preset {preset!r} cannot be adapted to a voice",
        suggestions=[f"Set quality.presets.{preset}.converter to neural, or leave the voice as it is."],
    )


def adapt(
    converter: AdaptiveConverter,
    recording: Audio,
    contour: PitchContour,
    content: ContentFeatures,
    learnt: VoiceState,
    progress: Progress,
) -> tuple[VoiceState, AdaptationInfo]:
    """Fit a converter to the voice of a recording.

    Args:
        recording: the profile's.
        contour, content: of it.
        learnt: what the converter has learnt of the voice.

    Returns:
        What it knows now, and what came of it.

    Raises:
        What `AdaptiveConverter.adapt` raises.
    """
    outcome = converter.adapt(recording, contour, content, learnt, progress)
    return outcome.state, AdaptationInfo(
        converter=converter.name,
        kept=outcome.kept,
        similarity_before=round(outcome.before.similarity, 3),
        similarity_after=round(outcome.after.similarity, 3),
        naturalness_before=round(outcome.before.naturalness, 2),
        naturalness_after=round(outcome.after.naturalness, 2),
        steps=outcome.steps,
        seconds=round(outcome.seconds, 1),
    )
