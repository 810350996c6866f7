"""Longer and shorter at the same pitch."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.inference.speech.time_stretch import time_stretched

RATE = 24000


def tone(hertz: float, seconds: float) -> Audio:
    time = np.arange(round(seconds * RATE)) / RATE
    return Audio((0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)[None], RATE)


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("hertz", [90.0, 217.0, 1000.0])
def test_length_changes_and_pitch_and_level_stay(factor: float, hertz: float) -> None:
    stretched = time_stretched(tone(hertz, 2.0), factor)
    sound = stretched.mono()
    middle = sound[2000:-2000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))

    assert stretched.frames == round(2 * RATE * factor)
    assert np.argmax(spectrum) * RATE / (1 << 18) == pytest.approx(hertz, rel=0.02, abs=3)
    assert np.sqrt(np.mean(np.square(middle))) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    assert np.abs(np.diff(sound)).max() < 0.2


def test_what_happens_first_stays_first() -> None:
    samples = np.concatenate([tone(200, 0.5).mono(), np.zeros(RATE // 2, np.float32)])
    stretched = time_stretched(Audio(samples[None], RATE), 2.0).mono()

    assert np.abs(stretched[: int(0.9 * RATE)]).max() > 0.4
    assert np.abs(stretched[int(1.1 * RATE) :]).max() < 0.01


def test_the_shortest_sound_is_no_trouble() -> None:
    assert time_stretched(Audio(np.ones((1, 10), np.float32), RATE), 2.0).frames == 20
