"""What is measured on a recording, against recordings whose noise, clipping and bandwidth are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from auto_voice.audio import Audio, resample_samples
from auto_voice.errors import LowQualityAudioError
from auto_voice.inference.recordings.quality import (
    MAXIMUM_SNR_DB,
    RecordingQuality,
    clipping_ratio,
    combine,
    measure,
    no_voice,
    refuse,
    remarks,
)
from auto_voice.inference.recordings.speech_activity import SAMPLE_RATE, WINDOW
from auto_voice.inference.recordings.voice_windows import Mask, band_power

GOOD = RecordingQuality(duration_seconds=60, voice_seconds=50, snr_db=45, clipping_ratio=0, bandwidth_hz=12_000)
SECONDS = 15
WINDOWS = SECONDS * SAMPLE_RATE // WINDOW
SPOKEN: Mask = np.arange(WINDOWS) % 94 < 62
"""Two seconds of voice, a second of pause, and so on."""


@cache
def buzz() -> np.ndarray:
    """A buzz with a falling spectrum, float32 (samples,) at 16 kHz."""
    clock = np.arange(WINDOWS * WINDOW) / SAMPLE_RATE
    phase = 2 * np.pi * 140 * clock + 3 * np.sin(2 * np.pi * 0.7 * clock)
    tones = sum(np.sin(k * phase + k * k) / k for k in range(1, 40)) * np.sin(2 * np.pi * 2 * clock) ** 2
    return (0.05 * tones).astype(np.float32)


def spoken(where: Mask = SPOKEN) -> np.ndarray:
    return buzz() * np.repeat(where, WINDOW)


def noise(kind: str, frames: int) -> np.ndarray:
    white = np.random.default_rng(3).standard_normal(frames)
    if kind == "white":
        return white
    spectrum = np.fft.rfft(white) / np.sqrt(np.arange(frames // 2 + 1) + 1)
    return np.fft.irfft(spectrum, frames)


def mono(samples: np.ndarray, rate: int = SAMPLE_RATE) -> Audio:
    return Audio(samples.astype(np.float32)[None], rate)


def noisy(snr_db: float, kind: str = "white", where: Mask = SPOKEN) -> np.ndarray:
    """The voice with noise at exactly this ratio in the band that is judged."""
    voice = spoken(where)
    added = noise(kind, voice.size)
    power = band_power(mono(voice))[where].sum(axis=1).mean()
    gain = np.sqrt(power / band_power(mono(added)).sum(axis=1).mean()) * 10 ** (-snr_db / 20)
    return voice + gain * added


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("snr_db", [40, 30, 20, 10, 5, 0])
def test_noise_is_measured_to_half_a_decibel(snr_db: float, kind: str) -> None:
    assert measure(mono(noisy(snr_db, kind)), SPOKEN).snr_db == pytest.approx(snr_db, abs=0.6)


def test_breaths_and_clicks_in_the_pauses_do_not_count() -> None:
    recording = noisy(40)
    pauses = np.flatnonzero(~np.repeat(SPOKEN, WINDOW))
    recording[pauses[:: len(pauses) // 8]] = 0.5
    assert measure(mono(recording), SPOKEN).snr_db == pytest.approx(40, abs=1.5)


def test_short_pauses_are_enough() -> None:
    nearly_always = np.arange(WINDOWS) % 62 < 50
    recording = noisy(20, where=nearly_always)
    assert measure(mono(recording), nearly_always).snr_db == pytest.approx(20, abs=1)


def test_without_pauses_the_quietest_moments_are_the_noise() -> None:
    recording = noisy(20)[np.repeat(SPOKEN, WINDOW)]
    everywhere = np.ones(SPOKEN.sum(), np.bool_)
    assert 12 < measure(mono(recording), everywhere).snr_db < 21


def test_digital_silence_in_the_pauses_is_no_noise() -> None:
    assert measure(mono(spoken()), SPOKEN).snr_db == MAXIMUM_SNR_DB


@pytest.mark.parametrize("overdrive_db", [9, 12, 24, 40])
@pytest.mark.parametrize("turned_down_to", [1.0, 0.3])
def test_clipping_is_found_even_when_turned_down_later(overdrive_db: float, turned_down_to: float) -> None:
    driven = spoken() / np.abs(spoken()).max() * 10 ** (overdrive_db / 20)
    cut_off = float((np.abs(driven) > 1).mean())
    recorded = np.round(np.clip(driven, -1, 1) * turned_down_to * 32767) / 32768

    assert clipping_ratio(recorded.astype(np.float32)) == pytest.approx(cut_off, rel=0.5)


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_loud_but_whole_sound_is_not_called_clipped(rate: int) -> None:
    loud = resample_samples(spoken() / np.abs(spoken()).max(), SAMPLE_RATE, rate)
    assert clipping_ratio(loud) < 1e-4
    assert clipping_ratio(np.zeros(100, np.float32)) == 0
    assert clipping_ratio(np.zeros(1, np.float32)) == 0


@pytest.mark.parametrize(("through_hz", "expected"), [(8_000, 4_000), (16_000, 5_500)])
def test_bandwidth_is_where_the_voice_ends_not_the_file(through_hz: int, expected: float) -> None:
    narrow = resample_samples(resample_samples(spoken(), SAMPLE_RATE, through_hz), through_hz, 44_100)
    assert measure(mono(narrow, 44_100), SPOKEN).bandwidth_hz == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    ("changes", "reason", "remedy"),
    [
        ({"snr_db": 9.0}, "9 dB above the noise", "quiet room"),
        ({"clipping_ratio": 0.03}, r"3\.0% of the voice", "level turned down"),
        ({"snr_db": 9.0, "clipping_ratio": 0.3}, "clipped", "level turned down"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(changes: dict[str, float], reason: str, remedy: str) -> None:
    poor = RecordingQuality(**{**vars(GOOD), **changes})
    with pytest.raises(LowQualityAudioError, match=reason) as caught:
        refuse(poor, separated=False)
    assert caught.value.code == "low_quality_audio"
    assert remedy in " ".join(caught.value.suggestions)


def test_separation_is_advised_only_before_it() -> None:
    noise_only = mono(0.1 * noise("white", 16_000))
    assert "--from-song" in " ".join(no_voice(noise_only, separated=False).suggestions)
    assert "--from-song" not in " ".join(no_voice(noise_only, separated=True).suggestions)
    assert "silent" in no_voice(mono(np.zeros(16_000)), separated=False).message


def test_a_good_recording_passes_without_remarks() -> None:
    refuse(GOOD, separated=False)
    assert remarks(GOOD) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"snr_db": 18.0}, "18 dB"), ({"clipping_ratio": 0.004}, "clipped"), ({"bandwidth_hz": 3400.0}, "3.4 kHz")],
)
def test_a_mediocre_recording_is_remarked_on(changes: dict[str, float], words: str) -> None:
    mediocre = RecordingQuality(**{**vars(GOOD), **changes})
    refuse(mediocre, separated=False)
    assert [words in remark for remark in remarks(mediocre)] == [True]


def test_the_score_falls_with_every_fault() -> None:
    assert RecordingQuality(**{**vars(GOOD), "voice_seconds": 60}).score == 1.0
    for fault in ({"snr_db": 20}, {"clipping_ratio": 0.005}, {"bandwidth_hz": 3400}, {"voice_seconds": 20}):
        assert 0.2 < RecordingQuality(**{**vars(GOOD), **fault}).score < GOOD.score


def test_recordings_count_by_how_much_voice_they_have() -> None:
    short = RecordingQuality(duration_seconds=20, voice_seconds=10, snr_db=15, clipping_ratio=0, bandwidth_hz=6000)
    both = combine([GOOD, short])
    assert both.duration_seconds == 80
    assert both.voice_seconds == 60
    assert both.snr_db == pytest.approx(40)
    assert both.bandwidth_hz == pytest.approx(11_000)
