"""Losses: nothing for the same samples, more the further apart, blind where the recording holds nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from auto_voice.audio import resample_samples
from auto_voice.inference.conversion.fitting.losses import BAND_HZ, SpeakerLoss, SpectralLoss, TuneLoss
from auto_voice.models.networks.ge2e import GE2E
from auto_voice.models.networks.ge2e import SAMPLE_RATE as SPEAKER_RATE
from auto_voice.models.networks.style_decoder import CURVE_RATE, SAMPLE_RATE


def sine(hertz: float, seconds: float = 0.5, level: float = 0.1) -> Tensor:
    """Faded in and out, so that it holds nothing but its own frequency."""
    times = torch.arange(int(seconds * SAMPLE_RATE), dtype=torch.float64) / SAMPLE_RATE
    return (level * torch.hann_window(len(times)) * torch.sin(2 * torch.pi * hertz * times)).float()[None]


def noise(seconds: float, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(1, int(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(seed))


def test_the_same_samples_are_no_distance_apart() -> None:
    assert SpectralLoss()(sine(440), sine(440)).item() == 0


def test_the_distance_grows_with_the_difference() -> None:
    loss = SpectralLoss()
    quieter, other = loss(sine(440, level=0.05), sine(440)), loss(sine(660), sine(440))
    assert 0 < quieter < other


def test_what_lies_above_the_recordings_band_is_not_compared() -> None:
    above = sine(440) + sine(10_000)
    assert SpectralLoss()(above, sine(440)).item() < 1e-2 < SpectralLoss(12_000)(above, sine(440)).item()


def test_following_the_spectral_gradient_lessens_the_distance() -> None:
    made, wanted, loss = noise(0.5).requires_grad_(), noise(0.5, seed=1), SpectralLoss()
    before = loss(made, wanted)
    before.backward()
    assert made.grad is not None
    assert loss(made - made.grad / made.grad.norm(), wanted) < before


@pytest.mark.parametrize("band", [0.0, -1.0, 12_001.0, float("nan")])
def test_a_band_that_cannot_be_is_refused(band: float) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        SpectralLoss(band)


@pytest.fixture
def encoder() -> GE2E:
    torch.manual_seed(3)
    return GE2E().eval()


def voice_heard_by(encoder: GE2E, samples: Tensor) -> Tensor:
    """The encoder's own way: resampled to its rate, through its own spectrogram."""
    wave = torch.from_numpy(resample_samples(samples[0].numpy(), SAMPLE_RATE, SPEAKER_RATE))
    with torch.inference_mode():
        heard: Tensor = encoder(encoder.spectrogram(wave)[None])[0]
    return heard


def test_the_voice_is_heard_at_the_decoders_rate_as_the_encoder_hears_it_at_its_own(encoder: GE2E) -> None:
    samples = noise(1.2)
    assert SpeakerLoss(encoder)(samples, voice_heard_by(encoder, samples)).item() < 1e-3


def test_long_samples_are_heard_in_parts(encoder: GE2E) -> None:
    one, loss = noise(1.6), SpeakerLoss(encoder)
    wanted = voice_heard_by(encoder, one)
    assert loss(torch.cat([one, one], dim=1), wanted).item() == pytest.approx(loss(one, wanted).item(), abs=1e-3)


def test_loudness_is_no_part_of_a_quiet_voice(encoder: GE2E) -> None:
    wanted, loss = voice_heard_by(encoder, sine(300, 1.2)), SpeakerLoss(encoder)
    quiet = noise(1.2) / 10
    assert loss(quiet / 4, wanted).item() == pytest.approx(loss(quiet, wanted).item(), abs=1e-3)


def test_the_speaker_gradient_reaches_the_samples_and_leaves_the_encoder_alone(encoder: GE2E) -> None:
    made, loss = noise(1.2).requires_grad_(), SpeakerLoss(encoder)
    before = loss(made, torch.ones(256) / 16)
    before.backward()
    assert made.grad is not None
    assert loss(made - made.grad / made.grad.norm(), torch.ones(256) / 16) < before
    assert not encoder.training
    assert all(each.grad is None and each.requires_grad for each in encoder.parameters())


def test_the_high_band_starts_where_a_recording_at_16_khz_ends() -> None:
    assert BAND_HZ < 8000


def tone(hertz: float, seconds: float = 1.0) -> Tensor:
    """Ten harmonics, equally strong."""
    times = torch.arange(int(seconds * SAMPLE_RATE), dtype=torch.float64) / SAMPLE_RATE
    return sum(torch.sin(2 * torch.pi * hertz * place * times) for place in range(1, 11)).float()[None] / 20  # type: ignore[union-attr]


def melody(hertz: float, seconds: float = 1.0) -> Tensor:
    return torch.full((1, int(seconds * CURVE_RATE)), hertz)


@pytest.mark.parametrize("hertz", [90.0, 220.0, 600.0])
def test_a_tone_is_in_tune_with_itself_and_with_nothing_else(hertz: float) -> None:
    loss = TuneLoss()
    there = loss(tone(hertz), melody(hertz)).item()
    elsewhere = [loss(tone(hertz), melody(hertz * ratio)).item() for ratio in (2**-0.5, 0.9, 1.1, 1.5, 2.0)]
    assert there < 0.45 < min(elsewhere)
    assert loss(noise(1.0), melody(hertz)).item() > 0.8


def test_an_octave_too_low_is_out_of_tune() -> None:
    loss = TuneLoss()
    assert loss(tone(150.0), melody(300.0)).item() > loss(tone(300.0), melody(300.0)).item() + 0.3


def test_only_voiced_frames_can_be_out_of_tune() -> None:
    made = noise(1.0).requires_grad_()
    loss = TuneLoss()(made, melody(0.0))
    assert loss.item() == 0
    loss.backward()
    assert made.grad is not None and made.grad.isfinite().all()


def test_following_the_tunes_gradient_brings_noise_into_tune() -> None:
    made, loss = noise(0.5).requires_grad_(), TuneLoss()
    before = loss(made, melody(200.0, 0.5))
    before.backward()
    assert made.grad is not None
    assert loss(made - made.grad / made.grad.norm(), melody(200.0, 0.5)) < before
