"""One number, of the parts there are."""

from __future__ import annotations

import pytest

from auto_voice.utils.overall_score import SCALES, overall, shortfalls

AT_TARGET = {name: {scale.field: scale.target} for name, scale in SCALES.items()}
PERFECT = {name: {scale.field: scale.perfect} for name, scale in SCALES.items()}
WORTHLESS = {name: {scale.field: scale.worthless} for name, scale in SCALES.items()}


@pytest.mark.parametrize(("parts", "expected"), [(AT_TARGET, 0.75), (PERFECT, 1.0), (WORTHLESS, 0.0)])
def test_targets_just_met_give_the_overall_target(parts: dict[str, dict[str, float]], expected: float) -> None:
    score, used = overall(parts)
    assert score == pytest.approx(expected)
    assert sum(part["weight"] for part in used.values()) == pytest.approx(1)


def test_the_weight_of_a_missing_part_goes_to_the_others() -> None:
    score, used = overall({**PERFECT, "pitch_accuracy": {"rmse_hz": None}, "intelligibility": {"wer": None}})
    assert score == pytest.approx(1)
    assert set(used) == {"speaker_similarity", "naturalness"}
    assert used["speaker_similarity"]["weight"] == pytest.approx(0.35 / 0.55)


def test_nothing_measured_is_no_score() -> None:
    assert overall({"pitch_accuracy": {"rmse_hz": None}}) == (None, {})


@pytest.mark.parametrize("name", SCALES)
def test_better_figures_never_score_less(name: str) -> None:
    scale = SCALES[name]
    steps = [scale.worthless + (scale.perfect - scale.worthless) * step / 20 for step in range(-5, 26)]
    scores = [scale.score(value) for value in steps]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (0, 1)


def test_a_sentence_for_every_target_missed() -> None:
    metrics = {
        "pitch_accuracy": {"rmse_hz": 10.1},
        "speaker_similarity": {"cosine_similarity": 0.84},
        "overall_quality_score": 0.74,
    }
    assert [sentence.split(" target")[0] for sentence in shortfalls(metrics)] == [
        "Pitch RMSE exceeds",
        "Speaker similarity below",
        "Overall quality below",
    ]


def test_what_was_not_measured_misses_no_target() -> None:
    metrics = {
        "pitch_accuracy": {"rmse_hz": None},
        "speaker_similarity": {"cosine_similarity": None},
        "overall_quality_score": None,
    }
    assert shortfalls(metrics) == []
