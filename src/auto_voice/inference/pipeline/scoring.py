"""A score with every conversion; and a conversion even where there can be no score."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from auto_voice.audio import Audio
from auto_voice.errors import CancelledError
from auto_voice.features import PitchContour

if TYPE_CHECKING:
    from auto_voice.profiles import ProfileStore
    from auto_voice.utils.quality_metrics import QualityMetricsAggregator

_log = logging.getLogger(__name__)


def score(
    aggregator: QualityMetricsAggregator,
    profiles: ProfileStore,
    profile_id: str,
    *,
    original: tuple[Audio, PitchContour],
    converted: tuple[Audio, PitchContour],
    semitones: float,
) -> dict[str, Any]:
    """Compare converted vocals with the original ones, and with the voice of a profile.

    Returns:
        The "Quality JSON" of the API. What cannot be measured is null with its reason; should the scoring
        itself break, `overall_quality_score` is null and `reason` says why.
    """
    try:
        return aggregator.compute_all_metrics(
            original[0],
            converted[0],
            reference_f0=original[1],
            converted_f0=converted[1],
            target_embedding=profiles.load_embedding(profile_id),
            target_audio=profiles.load_reference(profile_id),
            transposition_semitones=semitones,
        )
    except CancelledError:
        raise
    except Exception as error:  # minutes of work are not thrown away over their marks
        _log.warning("the conversion could not be scored", exc_info=True)
        return {"overall_quality_score": None, "reason": f"{type(error).__name__}: {error}"}
