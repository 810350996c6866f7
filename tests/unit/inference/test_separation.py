"""Separation around the networks: windows, rates, channels, and what is promised of the stems."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from auto_voice.audio import Audio, Samples
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, OutOfMemoryError
from auto_voice.features import Progress, Stems, no_progress
from auto_voice.inference.separation.spleeter import MODEL, SpleeterSeparator
from auto_voice.inference.separation.stereo import StereoVocals, separate_with
from auto_voice.inference.separation.windows import process_in_windows
from auto_voice.models.networks.spleeter import SpleeterUNet, _phase_kernels
from auto_voice.models.runtime import ModelRuntime

NETWORK_RATE = 44100


def noise(channels: int, frames: int, level: float = 0.1) -> Samples:
    return (level * np.random.default_rng(0).standard_normal((channels, frames))).astype(np.float32)


def separated(mix: Audio, vocals_of: Callable[[Samples], Samples], progress: Progress = no_progress) -> Stems:
    estimate: StereoVocals = lambda stereo, _: vocals_of(stereo)  # noqa: E731
    return separate_with(estimate, "test", mix, window_seconds=2, overlap_seconds=1, progress=progress)


@pytest.mark.parametrize("frames", [0, 1, 49, 50, 51, 100, 101, 150, 737])
def test_what_is_left_alone_comes_out_of_windows_unchanged(frames: int) -> None:
    samples = noise(2, frames)
    before = samples.copy()
    lengths = set()

    def process(part: Samples, progress: Progress) -> Samples:
        lengths.add(part.shape[1])
        return part.copy()

    result = process_in_windows(samples, 100, 50, process)
    np.testing.assert_allclose(result, samples, atol=1e-7)
    np.testing.assert_array_equal(samples, before)
    assert lengths <= {100}


def test_progress_rises_to_one_over_windows_and_inside_them() -> None:
    heard: list[float] = []

    def process(part: Samples, progress: Progress) -> Samples:
        progress(0.5)
        return part.copy()

    process_in_windows(noise(1, 1000), 100, 20, process, heard.append)
    assert heard == sorted(heard)
    assert heard[0] < 0.1
    assert heard[-1] == 1.0
    assert len(heard) == 2 * 13


def test_cancelling_stops_at_once() -> None:
    windows = []

    def stop(fraction: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        process_in_windows(noise(1, 1000), 100, 20, lambda part, _: windows.append(0) or part, stop)
    assert len(windows) == 1


def test_windows_that_overlap_by_more_than_half_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        process_in_windows(noise(1, 10), 10, 6, lambda part, _: part)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000, 11127])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_stems_have_the_songs_form_and_add_up_to_it(rate: int, channels: int) -> None:
    mix = Audio(noise(channels, round(2.3 * rate) + 1), rate)
    stems = separated(mix, lambda stereo: 0.3 * stereo)
    for stem in (stems.vocals, stems.accompaniment):
        assert (stem.sample_rate, stem.samples.shape) == (rate, mix.samples.shape)
    np.testing.assert_allclose(stems.vocals.samples + stems.accompaniment.samples, mix.samples, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_network_that_takes_all_for_vocals_gives_the_song_back(rate: int, channels: int) -> None:
    clock = np.arange(3 * rate) / rate
    swell = np.hanning(clock.size)  # resampling rings where a sound is cut
    tones = np.stack([swell * np.sin(2 * np.pi * hz * clock) for hz in (440, 1000)[:channels]]).astype(np.float32)
    stems = separated(Audio(tones, rate), lambda stereo: stereo.copy())
    np.testing.assert_allclose(stems.vocals.samples, tones, atol=2e-3)


def test_the_band_above_the_network_stays_in_the_accompaniment() -> None:
    rate = 96000
    tone = np.sin(2 * np.pi * 30000 * np.arange(2 * rate) / rate) * np.hanning(2 * rate)
    stems = separated(Audio(tone[None].astype(np.float32), rate), lambda stereo: stereo.copy())
    assert np.abs(stems.vocals.samples).max() < 1e-3


def test_a_voice_in_the_centre_channel_is_found_there() -> None:
    """5.1: the voice is in the centre alone, the band in the front; the network takes all below 2 kHz for voice."""
    clock = np.arange(3 * NETWORK_RATE) / NETWORK_RATE
    mix = np.zeros((6, clock.size), np.float32)
    mix[:2] = 0.3 * np.sin(2 * np.pi * 5000 * clock)
    mix[2] = 0.3 * np.sin(2 * np.pi * 300 * clock)

    def low_part(stereo: Samples) -> Samples:
        spectrum = np.fft.rfft(stereo)
        spectrum[:, 2000 * stereo.shape[1] // NETWORK_RATE :] = 0
        return np.fft.irfft(spectrum, stereo.shape[1]).astype(np.float32)

    stems = separated(Audio(mix, NETWORK_RATE), low_part)
    middle = slice(NETWORK_RATE // 2, -NETWORK_RATE // 2)
    np.testing.assert_allclose(stems.vocals.samples[2, middle], mix[2, middle], atol=0.01)
    assert np.abs(stems.vocals.samples[0, middle]).max() < 0.01


def test_four_phases_side_by_side_are_the_transposed_convolution() -> None:
    torch.manual_seed(0)
    kernels, x = torch.randn(3, 2, 5, 5), torch.randn(1, 3, 6, 7)
    trained = functional.conv_transpose2d(x, kernels, stride=2)[:, :, 1:-2, 1:-2]
    ours = functional.pixel_shuffle(functional.conv2d(x, _phase_kernels(kernels), padding=1), 2)
    torch.testing.assert_close(ours, trained)


class LowIsVoice(SpleeterUNet):
    """A network that takes its half of the spectrum, as magnitudes; it remembers what it was given."""

    def __init__(self, voice: bool) -> None:
        torch.nn.Module.__init__(self)
        self.voice = voice
        self.levels: list[float] = []
        self.frames: list[int] = []
        self.fail_above = 10**9

    def forward(self, magnitudes: torch.Tensor) -> torch.Tensor:
        self.frames.append(magnitudes.shape[2])
        if magnitudes.shape[2] > self.fail_above:
            raise RuntimeError("DefaultCPUAllocator: not enough memory")
        self.levels.append(float(magnitudes.square().mean()))
        mine = (torch.arange(magnitudes.shape[3]) < 512) == self.voice
        return magnitudes * mine


@pytest.fixture
def networks(runtime: ModelRuntime) -> tuple[LowIsVoice, LowIsVoice]:
    """Simple networks in the place of the trained ones."""
    pair = (LowIsVoice(True), LowIsVoice(False))
    with runtime.lease(MODEL, lambda device: pair):
        return pair


@pytest.fixture
def two_tones() -> Audio:
    clock = np.arange(12 * NETWORK_RATE) / NETWORK_RATE
    low, high = (0.1 * np.hanning(clock.size) * np.sin(2 * np.pi * hz * clock) for hz in (400, 8000))
    return Audio(np.stack([low + high, low - high]).astype(np.float32), NETWORK_RATE)


@pytest.mark.usefixtures("networks")
def test_the_share_of_the_estimates_becomes_the_share_of_the_song(runtime: ModelRuntime, two_tones: Audio) -> None:
    heard: list[float] = []
    stems = SpleeterSeparator(runtime, warnings=("so",)).separate(two_tones, heard.append)
    low = two_tones.mono()[None].repeat(2, axis=0)
    np.testing.assert_allclose(stems.vocals.samples, low, atol=2e-3)
    assert (stems.model, stems.warnings) == ("spleeter", ("so",))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_songs_are_heard_at_one_level(
    runtime: ModelRuntime, networks: tuple[LowIsVoice, LowIsVoice], two_tones: Audio
) -> None:
    for gain in (1.0, 0.05):
        SpleeterSeparator(runtime).separate(Audio(two_tones.samples * np.float32(gain), NETWORK_RATE))
    levels = networks[0].levels
    np.testing.assert_allclose(levels[: len(levels) // 2], levels[len(levels) // 2 :], rtol=1e-3)


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("frames", [0, 1, 500, 50000])
def test_silence_stays_silence_at_any_length(runtime: ModelRuntime, frames: int) -> None:
    stems = SpleeterSeparator(runtime).separate(Audio(np.zeros((2, frames), np.float32), NETWORK_RATE))
    assert stems.vocals.samples.shape == (2, frames)
    assert not stems.vocals.samples.any()
    assert not stems.accompaniment.samples.any()


def test_short_of_memory_the_windows_become_smaller(
    settings: Settings, runtime: ModelRuntime, two_tones: Audio
) -> None:
    pair = (LowIsVoice(True), LowIsVoice(False))
    pair[0].fail_above = 256
    separator = SpleeterSeparator(runtime)
    separator._load = lambda device: pair  # type: ignore[method-assign]  # loaded anew after every failure
    stems = separator.separate(two_tones)
    np.testing.assert_allclose(stems.vocals.samples[0], two_tones.mono(), atol=2e-3)
    assert max(pair[0].frames) == 448
    assert pair[0].frames[-1] <= 256
    assert any("separation" in event.what for event in runtime.events)
    pair[0].fail_above = 0
    with pytest.raises(OutOfMemoryError):
        separator.separate(two_tones)
