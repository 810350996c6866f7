"""What a conversion may be asked for."""

from __future__ import annotations

import pytest

from auto_voice.config import Settings
from auto_voice.errors import InvalidParametersError
from auto_voice.parameters import checked_preset, parse_pitch_shift


@pytest.mark.parametrize(
    ("text", "semitones"),
    [("0", 0.0), ("+5", 5.0), ("-12", -12.0), (" 2.5 ", 2.5), ("auto", "auto"), (" Auto", "auto")],
)
def test_pitch_shifts_as_people_type_them(text: str, semitones: float | str) -> None:
    assert parse_pitch_shift(text) == semitones


@pytest.mark.parametrize("text", ["", "nan", "inf", "12.01", "-13", "an octave", "1e9", "0x5"])
def test_pitch_shifts_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(InvalidParametersError, match="pitch_shift"):
        parse_pitch_shift(text)


def test_no_preset_means_the_configured_one(settings: Settings) -> None:
    assert checked_preset(None, settings) == "balanced"


def test_a_refused_preset_names_those_there_are(settings: Settings) -> None:
    quality = settings.quality.model_copy(update={"allow_fast_preset": False})
    settings = settings.model_copy(update={"quality": quality})
    with pytest.raises(InvalidParametersError) as refused:
        checked_preset("fast", settings)
    assert refused.value.suggestions == ["choose one of: balanced, quality"]
