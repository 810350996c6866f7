"""One number for a conversion, made of the parts that could be measured.

Each part is scored 0 to 1 by straight lines through three points: worthless is 0, just at its target is 0.75,
as good as can be is 1. The overall score is the weighted mean of the parts there are: so a conversion that
just meets every target reaches 0.75, the overall target. A part that wasn't measured leaves its weight to the
others, and the result names the weights that were used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

PITCH_RMSE_TARGET_HZ = 10.0
SPEAKER_SIMILARITY_TARGET = 0.85
OVERALL_QUALITY_TARGET = 0.75
MOS_CHANGE_TARGET = -0.9
"""Naturalness that a conversion may lose against its original, in opinion scores."""
WER_TARGET = 0.08
"""Words that a conversion may lose against its original, as a share."""


@dataclass(frozen=True)
class Scale:
    """How a part of the metrics becomes a score.

    Attributes:
        field: the figure of the part that is scored.
        worthless: where the score is 0.
        target: where it is 0.75.
        perfect: where it is 1.
        weight: share in the overall score when every part is there.
    """

    field: str
    worthless: float
    target: float
    perfect: float
    weight: float

    def score(self, value: float) -> float:
        """0 to 1."""
        anchors = [(self.worthless, 0.0), (self.target, OVERALL_QUALITY_TARGET), (self.perfect, 1.0)]
        places, scores = zip(*sorted(anchors), strict=True)
        return float(np.interp(value, places, scores))


SCALES = {
    "pitch_accuracy": Scale("rmse_hz", 40.0, PITCH_RMSE_TARGET_HZ, 0.0, weight=0.35),
    # 0.6 is what this encoder gives two strangers.
    "speaker_similarity": Scale("cosine_similarity", 0.6, SPEAKER_SIMILARITY_TARGET, 1.0, weight=0.35),
    "naturalness": Scale("mos_change", -2.5, MOS_CHANGE_TARGET, 0.0, weight=0.2),
    "intelligibility": Scale("wer", 0.6, WER_TARGET, 0.0, weight=0.1),
}


def overall(parts: Mapping[str, Mapping[str, Any]]) -> tuple[float | None, dict[str, dict[str, float]]]:
    """The overall score, null when nothing was measured, and `{score, weight}` of each part that made it."""
    values = {name: parts[name].get(scale.field) for name, scale in SCALES.items() if name in parts}
    measured = {name: value for name, value in values.items() if value is not None}
    if not measured:
        return None, {}
    total = sum(SCALES[name].weight for name in measured)
    used = {
        name: {"score": SCALES[name].score(value), "weight": SCALES[name].weight / total}
        for name, value in measured.items()
    }
    return sum(part["score"] * part["weight"] for part in used.values()), used


def shortfalls(metrics: Mapping[str, Any]) -> list[str]:
    """A sentence for each target that is missed; what wasn't measured misses none."""
    pitch = metrics["pitch_accuracy"]["rmse_hz"]
    likeness = metrics["speaker_similarity"]["cosine_similarity"]
    score = metrics["overall_quality_score"]
    found = []
    if pitch is not None and pitch > PITCH_RMSE_TARGET_HZ:
        found.append(f"Pitch RMSE exceeds target: {pitch:.1f} Hz ({PITCH_RMSE_TARGET_HZ:g} Hz)")
    if likeness is not None and likeness < SPEAKER_SIMILARITY_TARGET:
        found.append(f"Speaker similarity below target: {likeness:.2f} ({SPEAKER_SIMILARITY_TARGET:g})")
    if score is not None and score < OVERALL_QUALITY_TARGET:
        found.append(f"Overall quality below target: {score:.2f} ({OVERALL_QUALITY_TARGET:g})")
    return found
