"""SDR and SI-SDR against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import InvalidParametersError
from auto_voice.utils.separation_accuracy import sdr, si_sdr


def audio(*channels: np.ndarray) -> Audio:
    return Audio(np.stack(channels).astype(np.float32), 8000)


CLOCK = np.arange(8000) / 8000
TONE, OTHER = np.sin(2 * np.pi * 100 * CLOCK), np.sin(2 * np.pi * 300 * CLOCK)


def test_a_tenth_of_something_else_is_20_db() -> None:
    for measure in (sdr, si_sdr):
        assert measure(audio(TONE + 0.1 * OTHER), audio(TONE)) == pytest.approx(20, abs=0.01)


def test_a_wrong_volume_counts_for_sdr_alone() -> None:
    estimate = audio(0.5 * (TONE + 0.1 * OTHER))
    assert si_sdr(estimate, audio(TONE)) == pytest.approx(20, abs=0.01)
    assert sdr(estimate, audio(TONE)) == pytest.approx(-10 * np.log10(0.25 + 0.0025), abs=0.01)


def test_channels_are_taken_together() -> None:
    estimate = audio(TONE + 0.1 * OTHER, TONE)
    assert sdr(estimate, audio(TONE, TONE)) == pytest.approx(20 + 10 * np.log10(2), abs=0.01)


def test_a_perfect_estimate_and_an_empty_one_are_numbers() -> None:
    assert sdr(audio(TONE), audio(TONE)) > 100
    assert np.isfinite(si_sdr(audio(0 * TONE), audio(TONE)))


@pytest.mark.parametrize(
    ("estimate", "truth"),
    [(audio(TONE[:-1]), audio(TONE)), (audio(TONE, TONE), audio(TONE)), (audio(TONE), audio(0 * TONE))],
)
def test_what_cannot_be_compared_is_refused(estimate: Audio, truth: Audio) -> None:
    with pytest.raises(InvalidParametersError):
        si_sdr(estimate, truth)
