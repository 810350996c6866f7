"""How well a converted melody follows the original one.

Raw pitch accuracy and voicing agreement follow the customs of melody extraction (Salamon et al. 2014;
mir_eval).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auto_voice.features import PitchContour

CENTS_PER_OCTAVE = 1200.0
RPA_TOLERANCE_CENTS = 50.0
"""Half a semitone: what raw pitch accuracy counts as the same note."""
_STILL_OCTAVES = 1e-6


@dataclass(frozen=True, kw_only=True)
class PitchAccuracy:
    """Agreement of two contours, transposition taken out. What can't be told is null; `reason` says why.

    Attributes:
        rmse_hz: root mean square difference where both are voiced, Hz in the original's register.
        rmse_cents: the same in cents.
        median_cents: median of the unsigned difference where both are voiced.
        rpa50: share of the original's voiced frames that the conversion sings within 50 cents, 0–1.
        correlation: Pearson correlation of the logarithms where both are voiced, -1 to 1.
        voiced_accuracy: share of all frames on whose voicing both agree, 0–1.
        overlap_seconds: time in which both are voiced.
        transposition_semitones: what was taken out of the conversion before comparing.
    """

    rmse_hz: float | None = None
    rmse_cents: float | None = None
    median_cents: float | None = None
    rpa50: float | None = None
    correlation: float | None = None
    voiced_accuracy: float | None = None
    overlap_seconds: float | None = None
    transposition_semitones: float = 0.0
    reason: str | None = None


def compare_contours(
    reference: PitchContour, converted: PitchContour, transposition_semitones: float = 0.0
) -> PitchAccuracy:
    """Compare two contours on the reference's clock, over the time that both cover.

    Args:
        reference: melody of the original.
        converted: melody of the conversion; its hop may differ.
        transposition_semitones: how far the conversion was asked to move the melody; positive is up.
    """
    sung = on_clock(converted, reference.hop_seconds, reference.f0.size)
    sung /= 2.0 ** (transposition_semitones / 12)
    original = reference.f0[: sung.size].astype(np.float64)
    if not sung.size:
        return PitchAccuracy(
            transposition_semitones=transposition_semitones, reason="one of the contours has no frames"
        )
    voiced, sounding = original > 0, sung > 0
    both = voiced & sounding
    common = PitchAccuracy(
        voiced_accuracy=float(np.mean(voiced == sounding)),
        overlap_seconds=float(both.sum() * reference.hop_seconds),
        transposition_semitones=transposition_semitones,
    )
    if not both.any():
        return replace(common, reason=_nothing_to_compare(voiced, sounding))
    hertz = sung[both] - original[both]
    cents = CENTS_PER_OCTAVE * np.log2(sung[both] / original[both])
    correlation = _correlation(np.log2(original[both]), np.log2(sung[both]))
    return replace(
        common,
        rmse_hz=_root_mean_square(hertz),
        rmse_cents=_root_mean_square(cents),
        median_cents=float(np.median(np.abs(cents))),
        rpa50=float(np.sum(np.abs(cents) <= RPA_TOLERANCE_CENTS) / voiced.sum()),
        correlation=correlation,
        reason=None if correlation is not None else "correlation: a contour that never moves has none",
    )


def _nothing_to_compare(voiced: NDArray[np.bool_], sounding: NDArray[np.bool_]) -> str:
    if not voiced.any():
        return "the original has no voiced frame"
    if not sounding.any():
        return "the conversion has no voiced frame"
    return "original and conversion are never voiced at the same time"


def _root_mean_square(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    if min(np.ptp(one), np.ptp(other)) < _STILL_OCTAVES:
        return None
    return float(np.clip(np.corrcoef(one, other)[0, 1], -1.0, 1.0))


def on_clock(contour: PitchContour, hop_seconds: float, frames: int) -> NDArray[np.float64]:
    """The contour at i × hop_seconds, as far as it reaches; between voiced frames linear in log F0.

    Returns: float64 (up to `frames`,), Hz; 0 where there is no voice.
    """
    f0 = contour.f0.astype(np.float64)
    places = np.arange(frames) * (hop_seconds / contour.hop_seconds)
    places = places[places < f0.size - 0.5]
    before = places.astype(int)
    after = np.minimum(before + 1, f0.size - 1)
    fraction = places - before
    nearest = f0[np.where(fraction < 0.5, before, after)]
    both = (f0[before] > 0) & (f0[after] > 0)
    nearest[both] = f0[before[both]] * (f0[after[both]] / f0[before[both]]) ** fraction[both]
    return nearest
