"""The harmonic source: in tune, for as long as a song lasts; noise on request."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auto_voice.models.networks.harmonic_generator import CURVE_HOP, SAMPLE_RATE, HarmonicSource, turns_of


@pytest.fixture
def sine_source() -> HarmonicSource:
    """A source whose mix is the fundamental alone."""
    source = HarmonicSource()
    torch.nn.init.zeros_(source.merge.weight)
    torch.nn.init.zeros_(source.merge.bias)
    source.merge.weight.data[0, 0] = 0.1
    return source


@pytest.mark.parametrize("hz", [80.0, 1000.0])
def test_it_hums_the_f0_it_is_given_even_after_minutes(sine_source: HarmonicSource, hz: float) -> None:
    frames = 2 * 60 * SAMPLE_RATE // CURVE_HOP
    hum = sine_source(torch.full((1, frames), hz))[0]
    assert len(hum) == CURVE_HOP * frames
    second = hum[-2 * SAMPLE_RATE : -SAMPLE_RATE].numpy() * np.hanning(SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(second))
    assert abs(int(spectrum.argmax()) - hz) <= 1
    around = spectrum.copy()
    around[int(hz) - 3 : int(hz) + 4] = 0
    assert 20 * np.log10(around.max() / spectrum.max()) < -70, "a pure tone stays pure"


def test_all_nine_harmonics_are_there() -> None:
    source = HarmonicSource()
    torch.nn.init.constant_(source.merge.weight, 0.1)
    hum = source(torch.full((1, 160), 100.0), None)[0, SAMPLE_RATE // 2 : SAMPLE_RATE // 2 + SAMPLE_RATE]
    spectrum = np.abs(np.fft.rfft(hum.numpy() * np.hanning(len(hum))))
    peaks = spectrum[100:1500:100]
    assert peaks[:9].max() < 1.5 * peaks[:9].min()
    assert peaks[9:].max() < peaks[:9].min() / 20, "but for a trace of distortion, none above"


def test_it_is_still_where_there_is_no_voice_and_rustles_if_wished(sine_source: HarmonicSource) -> None:
    f0 = torch.tensor([[200.0] * 10 + [0.0] * 10])
    still = sine_source(f0)
    assert still[0, 10 * CURVE_HOP :].abs().max() == 0
    assert still[0, : 10 * CURVE_HOP].std() > 0

    def rustled(seed: int) -> torch.Tensor:
        return sine_source(f0, torch.Generator().manual_seed(seed))

    assert rustled(1)[0, 10 * CURVE_HOP :].std() > 3 * (rustled(1) - still)[0, : 10 * CURVE_HOP].std() > 0
    assert torch.equal(rustled(1), rustled(1))
    assert not torch.equal(rustled(1), rustled(2))


def test_a_window_is_in_phase_with_the_whole(sine_source: HarmonicSource) -> None:
    f0 = torch.linspace(180, 320, 400)[None]
    whole = sine_source(f0)
    window = sine_source(f0[:, 150:250], turns_before=turns_of(f0[:, :150]))
    inner = slice(CURVE_HOP // 2, -CURVE_HOP // 2)  # in the outer half frames the phase holds still
    expected = whole[:, 150 * CURVE_HOP : 250 * CURVE_HOP]
    torch.testing.assert_close(window[:, inner], expected[:, inner], rtol=0, atol=1e-5)
    unaligned = sine_source(f0[:, 150:250])
    assert (unaligned - expected)[:, inner].abs().max() > 0.005
