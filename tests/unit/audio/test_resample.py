"""Resampling changes the rate and nothing else that can be heard."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio, resample, resample_samples

PAIRS = [(44100, 16000), (48000, 44100), (8000, 44100), (192_000, 44100), (44100, 48000), (16000, 24000)]


def sine(frequency: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def level_db(error: np.ndarray, reference: np.ndarray) -> float:
    return float(10 * np.log10(np.square(error, dtype=float).mean() / np.square(reference, dtype=float).mean()))


def middle(x: np.ndarray) -> np.ndarray:
    """Without the ends, where the sound begins and ends suddenly."""
    return x[..., len(x) // 10 : -len(x) // 10]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_tone_in_the_passband_is_the_same_tone(source: int, target: int) -> None:
    for share in (0.001, 0.1, 0.3, 0.45):
        frequency = share * min(source, target)
        result = resample_samples(sine(frequency, source), source, target)
        expected = sine(frequency, target)
        assert level_db(middle(result - expected), expected) < -80, f"{frequency} Hz"


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair[0] > pair[1]])
def test_what_the_lower_rate_cannot_hold_is_gone(source: int, target: int) -> None:
    for share in (0.5, 0.55, 0.8):
        frequency = share * target
        if frequency < source / 2:
            result = resample_samples(sine(frequency, source), source, target)
            assert level_db(middle(result), np.ones(1)) + 3 < -90, f"{frequency} Hz"


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_images_above_the_old_rate_are_gone(source: int, target: int) -> None:
    if target > 1.2 * source:
        result = resample_samples(sine(0.4 * source, source), source, target)
        spectrum = np.abs(np.fft.rfft(middle(result) * np.blackman(len(middle(result)))))
        image = int(0.6 * source / target * len(middle(result)))
        assert 20 * np.log10(spectrum[image - 20 : image + 20].max() / spectrum.max()) < -90


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_constant_stays_what_it_is(source: int, target: int) -> None:
    result = resample_samples(np.full(source, 0.5, np.float32), source, target)
    assert np.abs(middle(result) - 0.5).max() < 1e-4


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_an_impulse_stays_where_it_is(source: int, target: int) -> None:
    impulse = np.zeros(source, np.float32)
    impulse[source // 2] = 1.0
    assert np.argmax(np.abs(resample_samples(impulse, source, target))) == target // 2


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_there_and_back_is_the_same_sound(source: int, target: int) -> None:
    band = 0.44 * min(source, target)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=source))
    spectrum[np.fft.rfftfreq(source, 1 / source) > band] = 0
    sound = np.fft.irfft(spectrum, source).astype(np.float32)
    back = resample_samples(resample_samples(sound, source, target), target, source)
    assert level_db(middle(back - sound), sound) < -80


@pytest.mark.parametrize("frames", [1, 2, 3, 441, 1000, 44099, 44101])
@pytest.mark.parametrize(("source", "target"), [*PAIRS, (44100, 44101), (191_999, 8001)])
def test_the_length_is_exact(frames: int, source: int, target: int) -> None:
    result = resample_samples(np.zeros((2, frames), np.float32), source, target)
    assert result.shape == (2, int(frames * target / source + 0.5))


def test_odd_rates_keep_time() -> None:
    """The ratio of two primes is taken as a near one; a click at the end of a long sound is where it was."""
    clicks = np.zeros(40 * 47_999, np.float32)
    clicks[-47_999] = 1.0
    assert np.argmax(resample_samples(clicks, 47_999, 44_101)) == pytest.approx(39 * 44_101, abs=2)


def test_any_leading_shape_and_type() -> None:
    result = resample_samples(np.ones((2, 3, 100), np.float64), 8000, 16000)
    assert result.shape == (2, 3, 200) and result.dtype == np.float32
    assert resample_samples(np.zeros((2, 0), np.float32), 8000, 16000).shape == (2, 0)


def test_the_same_call_gives_the_same_result() -> None:
    """The filter is kept between calls; using it must not change it."""
    x = sine(440, 44100)
    np.testing.assert_array_equal(resample_samples(x, 44100, 16000), resample_samples(x, 44100, 16000))


def test_the_same_rate_is_no_work_and_a_copy_where_arrays_are_asked_for() -> None:
    audio = Audio(np.ones((1, 10), np.float32), 8000)
    assert resample(audio, 8000) is audio
    assert resample(audio, 16000).frames == 20
    assert not np.shares_memory(resample_samples(audio.samples, 8000, 8000), audio.samples)


def test_a_rate_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        resample_samples(np.zeros(3), 0, 8000)
