"""The rows of the score table: what was reached, what was aimed at, and what is possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auto_voice.utils.overall_score import (
    MOS_CHANGE_TARGET,
    OVERALL_QUALITY_TARGET,
    PITCH_RMSE_TARGET_HZ,
    SPEAKER_SIMILARITY_TARGET,
    WER_TARGET,
)

NOT_MEASURED = "not measured"
_NOT_ASKED_FOR = "not asked for"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One row.

    Attributes:
        name: what was measured.
        value: the figure with its unit, or "not measured".
        target: what is aimed at, or "".
        status: "met", "missed", or "" where there is no target or no figure.
        remark: a ceiling, a comparison.
    """

    name: str
    value: str
    target: str
    status: str
    remark: str = ""


def score_rows(metrics: Mapping[str, Any]) -> list[Score]:
    """Rows of a "Quality JSON"; parts that it lacks are left out."""
    # Three digits: 0.749 shown as 0.75 would miss the target of 0.75 before the reader's eyes.
    rows = [_row("Overall quality", metrics.get("overall_quality_score"), "{:.3f}", at_least=OVERALL_QUALITY_TARGET)]
    if voice := metrics.get("speaker_similarity"):
        remark = _joined(
            _figure("ceiling {:.2f}", voice["ceiling"]),
            _figure("the original singer has {:.2f}", voice["original_similarity"]),
            f"encoder {voice['encoder']}",
        )
        likeness = voice["cosine_similarity"]
        rows.append(
            _row("Likeness to the target voice", likeness, "{:.3f}", at_least=SPEAKER_SIMILARITY_TARGET, remark=remark)
        )
    if pitch := metrics.get("pitch_accuracy"):
        remark = _joined(
            _figure("{:.0f} cents", pitch["rmse_cents"]), _figure("median {:.0f} cents", pitch["median_cents"])
        )
        rows += [
            _row("Pitch error (RMSE)", pitch["rmse_hz"], "{:.1f} Hz", at_most=PITCH_RMSE_TARGET_HZ, remark=remark),
            _row("Notes within 50 cents", pitch["rpa50"], "{:.1%}"),
            _row("Correlation of the melodies", pitch["correlation"], "{:.3f}"),
            _row("Same frames voiced", pitch["voiced_accuracy"], "{:.1%}"),
        ]
    if natural := metrics.get("naturalness"):
        remark = _joined(
            _figure("the original has {:.2f}", natural["original_mos"]),
            _figure("change {:+.2f}", natural["mos_change"]),
            _figure("{:.0f} s heard", natural["seconds_scored"]),
            natural["predictor"],
        )
        rows += [
            _row("Naturalness (1 to 5)", natural["mos"], "{:.2f}", remark=remark),
            _row("Change in naturalness", natural["mos_change"], "{:+.2f}", at_least=MOS_CHANGE_TARGET),
        ]
        if natural["dnsmos"]:
            remark = "signal {signal:.2f}, background {background:.2f}".format(**natural["dnsmos"])
            rows.append(_row("Naturalness by DNSMOS", natural["dnsmos"]["overall"], "{:.2f}", remark=remark))
    if (words := metrics.get("intelligibility")) and words["wer"] is not None:
        remark = _joined(f"{words['reference_words']} words", words["recognizer"])
        rows.append(_row("Word errors", words["wer"], "{:.1%}", at_most=WER_TARGET, remark=remark))
    return rows


def reasons(metrics: Mapping[str, Any]) -> list[str]:
    """Why something wasn't measured, a sentence for each part that says so; what nobody asked for needs no reason."""
    found = {name: _unasked_left_out(part.get("reason")) for name, part in metrics.items() if isinstance(part, Mapping)}
    told = [f"{name.replace('_', ' ').capitalize()}: {reason}." for name, reason in found.items() if reason]
    return told + ([f"{metrics['reason']}."] if metrics.get("reason") else [])


def _unasked_left_out(reason: str | None) -> str:
    return "; ".join(each for each in (reason or "").split("; ") if not each.endswith(_NOT_ASKED_FOR))


def _row(
    name: str,
    value: float | None,
    shown: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    remark: str = "",
) -> Score:
    met = None
    target = ""
    if at_least is not None:
        target, met = "≥ " + shown.format(at_least), value is not None and value >= at_least
    if at_most is not None:
        target, met = "≤ " + shown.format(at_most), value is not None and value <= at_most
    if value is None:
        return Score(name=name, value=NOT_MEASURED, target=target, status="", remark=remark)
    status = "" if met is None else "met" if met else "missed"
    return Score(name=name, value=shown.format(value), target=target, status=status, remark=remark)


def _figure(text: str, value: float | None) -> str:
    return "" if value is None else text.format(value)


def _joined(*texts: str) -> str:
    return " · ".join(text for text in texts if text)
