"""The document that every conversion gets: its shape, its nulls, its reasons."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auto_voice.audio import Audio, write
from auto_voice.config import Settings, load_settings
from auto_voice.errors import CancelledError, InvalidParametersError, NotFoundError
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.intelligibility import Intelligibility
from auto_voice.utils.naturalness import Naturalness
from auto_voice.utils.pitch_accuracy import PitchAccuracy
from auto_voice.utils.quality_metrics import QualityMetricsAggregator
from auto_voice.utils.voice_similarity import SpeakerSimilarity

RATE = 16_000
PARTS = {
    "pitch_accuracy": PitchAccuracy,
    "speaker_similarity": SpeakerSimilarity,
    "naturalness": Naturalness,
    "intelligibility": Intelligibility,
}
F0 = np.linspace(150.0, 250.0, 300)
VOICE = np.eye(256, dtype=np.float32)[0]
OTHER = np.eye(256, dtype=np.float32)[1]


def sound(seconds: float = 3.0, rate: int = RATE, channels: int = 1) -> Audio:
    time = np.arange(int(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * 200 * harmonic * time) / harmonic for harmonic in range(1, 12))
    wave *= 0.05 * (1.2 + np.sin(2 * np.pi * 4 * time))
    return Audio(np.repeat(wave[None], channels, axis=0).astype(np.float32), rate)


@pytest.fixture
def bare(tmp_path: Path) -> QualityMetricsAggregator:
    """An aggregator on a machine where no model is installed."""
    settings = load_settings(environment={"AUTOVOICE__STORAGE__DATA_DIR": str(tmp_path / "data")})
    return QualityMetricsAggregator(settings, ModelRuntime(settings))


@pytest.fixture
def aggregator(settings: Settings, runtime: ModelRuntime) -> QualityMetricsAggregator:
    return QualityMetricsAggregator(settings, runtime)


def check_document(metrics: dict[str, Any]) -> None:
    """Every field of every part is there; nulls have a reason; all of it is JSON without NaN."""
    json.dumps(metrics, allow_nan=False)
    for name, part in PARTS.items():
        assert set(metrics[name]) == {field.name for field in fields(part)}
        if None in [value for field, value in metrics[name].items() if field != "reason"]:
            assert metrics[name]["reason"]
    score = metrics["overall_quality_score"]
    assert score is None or 0 <= score <= 1
    assert datetime.fromisoformat(metrics["evaluation_timestamp"]).tzinfo is not None


@pytest.mark.models
def test_the_runbooks_call(aggregator: QualityMetricsAggregator, tmp_path: Path) -> None:
    write(tmp_path / "original.wav", sound())
    write(tmp_path / "converted.wav", sound())
    for name, array in {"reference_f0": F0, "converted_f0": F0 * 1.01, "target": VOICE, "converted": VOICE}.items():
        np.save(tmp_path / f"{name}.npy", array)
    quality = aggregator.compute_all_metrics(
        original_audio=str(tmp_path / "original.wav"),
        converted_audio=str(tmp_path / "converted.wav"),
        reference_f0=str(tmp_path / "reference_f0.npy"),
        converted_f0=str(tmp_path / "converted_f0.npy"),
        target_embedding=str(tmp_path / "target.npy"),
        converted_embedding=str(tmp_path / "converted.npy"),
    )
    check_document(quality)
    assert quality["pitch_accuracy"]["rmse_hz"] == pytest.approx(2.02, abs=0.02)
    assert quality["speaker_similarity"]["cosine_similarity"] == pytest.approx(1)
    assert quality["speaker_similarity"]["embedding_distance"] == 0
    assert quality["naturalness"]["mos_change"] == 0
    assert quality["intelligibility"]["reason"] == "not asked for"
    assert quality["overall_quality_score"] > 0.95


@pytest.mark.models
def test_a_recording_against_itself_is_the_same_voice(aggregator: QualityMetricsAggregator) -> None:
    metrics = aggregator.compute_all_metrics(
        sound(6), sound(6, 44_100, 2), target_audio=sound(6), include=["speaker_similarity"]
    )
    check_document(metrics)
    assert metrics["speaker_similarity"]["cosine_similarity"] > 0.98
    assert metrics["speaker_similarity"]["ceiling"] > 0.95
    assert set(metrics["overall_score_parts"]) == {"speaker_similarity"}


@pytest.mark.models
def test_contours_are_found_when_they_are_not_given(aggregator: QualityMetricsAggregator) -> None:
    metrics = aggregator.compute_all_metrics(sound(), sound(), include=["pitch_accuracy"])
    check_document(metrics)
    assert metrics["pitch_accuracy"]["rmse_hz"] == 0
    assert metrics["pitch_accuracy"]["overlap_seconds"] > 2


@pytest.mark.models
@pytest.mark.parametrize(
    "converted",
    [
        Audio(np.zeros((1, 3 * RATE), dtype=np.float32), RATE),
        Audio(np.zeros((1, 0), dtype=np.float32), RATE),
        Audio(np.full((2, 3 * RATE), np.nan, dtype=np.float32), RATE),
    ],
    ids=["silence", "empty", "NaN"],
)
def test_what_cannot_be_scored_is_null_with_a_reason(converted: Audio, aggregator: QualityMetricsAggregator) -> None:
    everything = ("pitch_accuracy", "speaker_similarity", "naturalness", "intelligibility", "dnsmos")
    metrics = aggregator.compute_all_metrics(sound(), converted, target_audio=sound(), include=everything)
    check_document(metrics)
    assert metrics["pitch_accuracy"]["rmse_hz"] is None
    assert metrics["speaker_similarity"]["cosine_similarity"] is None
    assert metrics["naturalness"]["mos"] is None
    assert metrics["overall_quality_score"] is None


@pytest.mark.models
def test_a_tenth_of_a_second_has_a_pitch_and_no_voice(aggregator: QualityMetricsAggregator) -> None:
    metrics = aggregator.compute_all_metrics(sound(), sound(0.1), target_audio=sound())
    check_document(metrics)
    assert "0.8 s" in metrics["speaker_similarity"]["reason"]
    assert "1 s" in metrics["naturalness"]["reason"]
    assert metrics["pitch_accuracy"]["overlap_seconds"] < 0.15


def test_contours_alone_can_be_scored_without_any_model(bare: QualityMetricsAggregator) -> None:
    metrics = bare.compute_all_metrics(sound(), sound(), F0, F0 * 2, transposition_semitones=12)
    check_document(metrics)
    assert metrics["pitch_accuracy"]["rmse_hz"] == pytest.approx(0, abs=1e-3)
    assert "distillmos" in metrics["naturalness"]["reason"]
    assert metrics["speaker_similarity"]["reason"] == "no target voice was given"
    assert metrics["overall_score_parts"] == {"pitch_accuracy": {"score": pytest.approx(1), "weight": 1}}


def test_embeddings_alone_can_be_compared_without_any_model(bare: QualityMetricsAggregator) -> None:
    silent = Audio(np.zeros((1, RATE), dtype=np.float32), RATE)
    metrics = bare.compute_all_metrics(silent, silent, F0, F0, target_embedding=VOICE, converted_embedding=OTHER)
    check_document(metrics)
    assert metrics["speaker_similarity"]["cosine_similarity"] == 0
    assert metrics["speaker_similarity"]["embedding_distance"] == pytest.approx(2**0.5)
    assert metrics["speaker_similarity"]["ceiling"] is None


def test_voicing_that_never_meets_is_no_perfect_pitch(bare: QualityMetricsAggregator) -> None:
    first, second = F0.copy(), F0.copy()
    first[150:] = second[:150] = 0
    metrics = bare.compute_all_metrics(sound(), sound(), first, second)
    assert metrics["pitch_accuracy"]["rmse_hz"] is None
    assert metrics["pitch_accuracy"]["voiced_accuracy"] == 0
    assert metrics["overall_quality_score"] is None


@pytest.mark.parametrize("semitones", [float("nan"), float("inf"), 100.0])
def test_an_impossible_transposition_is_refused(semitones: float, bare: QualityMetricsAggregator) -> None:
    with pytest.raises(InvalidParametersError, match="transposition"):
        bare.compute_all_metrics(sound(), sound(), transposition_semitones=semitones)


def test_an_unknown_metric_is_refused_with_the_list(bare: QualityMetricsAggregator) -> None:
    with pytest.raises(InvalidParametersError, match="beauty: there are pitch_accuracy"):
        bare.compute_all_metrics(sound(), sound(), include=["beauty"])


def test_a_missing_file_is_an_error_and_no_null(bare: QualityMetricsAggregator, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        bare.compute_all_metrics(tmp_path / "gone.wav", sound())


def test_cancelling_is_never_swallowed(bare: QualityMetricsAggregator, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(*_: object, **__: object) -> None:
        raise CancelledError

    monkeypatch.setattr("auto_voice.utils.quality_metrics.compare_contours", cancelled)
    with pytest.raises(CancelledError):
        bare.compute_all_metrics(sound(), sound(), F0, F0)
