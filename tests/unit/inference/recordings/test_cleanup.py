"""From a raw recording to level phrases without long pauses, and how much of them is kept."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio, integrated_loudness
from auto_voice.inference.recordings.cleanup import LOUDNESS_LUFS, Phrase, best_channel, join, phrases
from auto_voice.inference.recordings.speech_activity import SAMPLE_RATE, WINDOW, SpeechActivity

RATE = 16_000


def tone(seconds: float, level: float = 0.1, hertz: float = 220) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.float32)


def mask(samples: np.ndarray) -> np.ndarray:
    windows = -(-samples.size // WINDOW)
    return np.abs(np.pad(samples, (0, windows * WINDOW - samples.size))).reshape(-1, WINDOW).max(axis=1) > 1e-3


def mono(samples: np.ndarray, rate: int = RATE) -> Audio:
    return Audio(samples[None], rate)


def test_long_pauses_shrink_to_half_a_second_and_short_ones_stay() -> None:
    recording = np.concatenate([tone(2), silence(0.3), tone(2), silence(6), tone(2), silence(9)])
    found = phrases(mono(recording), mask(recording), 40, RATE)

    assert [phrase.samples.size / RATE for phrase in found] == pytest.approx([4.6, 2.5], abs=0.07)
    assert join(found, RATE, 120).duration == pytest.approx(7.1, abs=0.1)


def test_loud_and_soft_recordings_end_at_one_loudness() -> None:
    for level in (0.4, 0.004):
        recording = np.concatenate([tone(3, level), silence(1), tone(3, level)])
        found = phrases(mono(recording), mask(tone(7)), 40, RATE)
        assert integrated_loudness(join(found, RATE, 120)) == pytest.approx(LOUDNESS_LUFS, abs=0.5)


def test_peaks_stay_under_full_scale() -> None:
    recording = tone(4, 0.01)
    recording[::8000] = 1.0
    loudest = np.abs(join(phrases(mono(recording), mask(recording), 40, RATE), RATE, 120).samples).max()
    assert 0.7 < loudest <= 0.9


def test_rumble_and_offset_are_filtered_out() -> None:
    recording = tone(6) + tone(6, 0.2, hertz=12) + 0.1
    cleaned = join(phrases(mono(recording), mask(recording), 40, RATE), RATE, 120).samples[0]
    spectrum = np.abs(np.fft.rfft(cleaned * np.hanning(cleaned.size)))
    hertz = np.fft.rfftfreq(cleaned.size, 1 / RATE)
    low = spectrum[hertz < 20].max()
    assert low < 0.02 * spectrum[(hertz > 200) & (hertz < 240)].max()


def test_recordings_of_different_rates_come_to_one() -> None:
    phrase = phrases(mono(tone(4)), mask(tone(4)), 40, 48_000)[0]
    assert phrase.samples.size == pytest.approx(4 * 48_000, rel=0.01)


def phrase(seconds: float, value: float, *, snr_db: float = 40, clipped: bool = False) -> Phrase:
    return Phrase(samples=np.full(int(seconds * 100), value, np.float32), snr_db=snr_db, clipped=clipped)


def test_the_best_phrases_are_kept_in_their_order() -> None:
    found = [
        phrase(4, 1, snr_db=20),
        phrase(3, 2),
        phrase(5, 3, clipped=True),
        phrase(3, 4),
        phrase(2, 5, snr_db=20),
    ]
    assert join(found, 100, 10).samples[0][::100].tolist() == [1, 1, 1, 1, 2, 2, 2, 4, 4, 4]
    assert join(found, 100, 8).samples[0][::100].tolist() == [2, 2, 2, 4, 4, 4, 5, 5]
    assert join(found, 100, 120).duration == 17


def test_one_endless_phrase_is_cut() -> None:
    assert join([phrase(500, 1)], 100, 120).duration == 120


class LoudnessDetector:
    """Calls loud windows speech."""

    def detect(self, recording: Audio, progress: object = None) -> SpeechActivity:
        samples = recording.mono()
        loud = np.pad(samples, (0, -samples.size % WINDOW)).reshape(-1, WINDOW).std(axis=1) > 0.02
        return SpeechActivity(probability=loud.astype(np.float32))


def heard(*channels: np.ndarray) -> np.ndarray:
    return best_channel(Audio(np.stack(channels), SAMPLE_RATE), LoudnessDetector()).samples[0]  # type: ignore[arg-type]


def test_the_clearest_channel_is_taken() -> None:
    voice = np.concatenate([tone(2), silence(1), tone(2), silence(1)])
    hiss = 0.01 * np.random.default_rng(0).standard_normal(voice.size).astype(np.float32)

    np.testing.assert_array_equal(heard(hiss, voice + 0.1 * hiss), voice + 0.1 * hiss)
    np.testing.assert_array_equal(heard(voice, -voice), voice)
    np.testing.assert_array_equal(heard(voice, voice), voice)
    np.testing.assert_allclose(heard(voice + hiss, voice + hiss[::-1]), voice + (hiss + hiss[::-1]) / 2, atol=1e-6)
