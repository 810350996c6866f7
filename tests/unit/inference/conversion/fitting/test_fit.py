"""A tiny decoder's voice, fitted to what another of its voices said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
import pytest
import torch
from torch import Tensor

from auto_voice.errors import CancelledError, ConversionFailedError, LowQualityAudioError
from auto_voice.inference.conversion.decoder_input import DecoderInput
from auto_voice.inference.conversion.decoder_voice import DecoderVoice
from auto_voice.inference.conversion.fitting.fit import SEGMENT_FRAMES, Aims, FittedVoice, FittingPlan, fit_voice
from auto_voice.inference.conversion.fitting.losses import SpectralLoss
from auto_voice.models.networks.style_decoder import StyleDecoder
from tiny_voice import MEDIAN_HZ, recorded, some_voice, something_said, tiny_decoder

FRAMES = 160


@dataclass
class Spectra:
    """Wants the recording's spectra, and elsewhere nothing; keeps the melodies that were asked for there."""

    elsewhere_f0: list[Tensor] = field(default_factory=list)

    def as_recorded(self, made: Tensor, wanted: Tensor) -> Tensor:
        distance: Tensor = SpectralLoss()(made, wanted)
        return distance

    def elsewhere(self, made: Tensor, f0: Tensor) -> Tensor:
        self.elsewhere_f0.append(f0)
        return 0 * made.sum()


class NoNumber(Spectra):
    """Gives what is no number, wherever it is asked."""

    def as_recorded(self, made: Tensor, wanted: Tensor) -> Tensor:
        return (made - wanted).sum() * float("nan")

    def elsewhere(self, made: Tensor, f0: Tensor) -> Tensor:
        return made.sum() * float("nan")


class Loudness(Spectra):
    """Wants silence."""

    def as_recorded(self, made: Tensor, wanted: Tensor) -> Tensor:
        return made.abs().mean()

    def elsewhere(self, made: Tensor, f0: Tensor) -> Tensor:
        return made.abs().mean()


@pytest.fixture
def decoder() -> StyleDecoder:
    return tiny_decoder()


@pytest.fixture
def start(decoder: StyleDecoder) -> DecoderVoice:
    return some_voice(decoder)


def fit(
    decoder: StyleDecoder,
    start: DecoderVoice,
    plan: FittingPlan,
    given: DecoderInput | None = None,
    aims: Aims | None = None,
    progress: Callable[[float], None] = lambda _: None,
    clock: Callable[[], float] = lambda: 0.0,
) -> FittedVoice:
    given = given or something_said(FRAMES)
    samples = recorded(decoder, some_voice(decoder, seed=7), given)
    return fit_voice(decoder, start, given, samples, aims or Spectra(), plan, progress=progress, clock=clock)


def test_the_voice_comes_nearer_to_the_recorded_one(decoder: StyleDecoder, start: DecoderVoice) -> None:
    given = something_said(FRAMES)
    fitted = fit(decoder, start, FittingPlan(steps=30))

    wanted = torch.from_numpy(recorded(decoder, some_voice(decoder, seed=7), given))[None]
    before, after = (
        SpectralLoss()(torch.from_numpy(recorded(decoder, voice, given))[None], wanted)
        for voice in (start, fitted.voice)
    )
    assert after < 0.85 * before
    assert len(fitted.losses) == 30


def test_at_half_of_the_steps_it_is_fitted_at_another_pitch(decoder: StyleDecoder, start: DecoderVoice) -> None:
    aims = Spectra()
    fit(decoder, start, FittingPlan(steps=24), aims=aims)

    asked = torch.stack([each.median() for each in aims.elsewhere_f0])
    assert 6 <= len(asked) <= 18
    assert asked.min() < 0.95 * MEDIAN_HZ and asked.max() > 1.3 * MEDIAN_HZ
    assert asked.min() > 0.65 * MEDIAN_HZ and asked.max() <= 2 * MEDIAN_HZ


@pytest.mark.parametrize(
    ("median", "lowest", "highest"), [(90.0, 80.0, 180.0), (500.0, 330.0, 600.0), (900.0, 600, 900)]
)
def test_voices_are_not_moved_to_where_the_decoder_cannot_sing(
    decoder: StyleDecoder, start: DecoderVoice, median: float, lowest: float, highest: float
) -> None:
    given, aims = something_said(FRAMES), Spectra()
    fit(decoder, start, FittingPlan(steps=16), replace(given, f0=np.full_like(given.f0, median)), aims=aims)
    asked = torch.stack([each.median() for each in aims.elsewhere_f0])
    assert asked.min() >= lowest - 0.1 and asked.max() <= highest + 0.1


@pytest.mark.parametrize("changed", [slice(None, 50), slice(-50, None)])
def test_a_piece_is_normalised_as_within_the_recording(
    decoder: StyleDecoder, start: DecoderVoice, changed: slice
) -> None:
    """No piece reaches into both the first and the last 50 frames, and each of them counts for every piece."""
    given = something_said(FRAMES)
    content = given.content.copy()
    content[:, changed] *= 3
    plan = FittingPlan(steps=1)
    usual = fit(decoder, start, plan, given, Loudness())
    other = fit(decoder, start, plan, replace(given, content=content), Loudness())
    assert usual.losses != other.losses


def test_the_shared_decoder_stays_as_it_is(decoder: StyleDecoder, start: DecoderVoice) -> None:
    before = {name: each.clone() for name, each in decoder.state_dict().items()}
    fit(decoder, start, FittingPlan(steps=3))

    for name, each in decoder.state_dict().items():
        torch.testing.assert_close(each, before[name], rtol=0, atol=0)
    assert all(each.grad is None and not each.requires_grad for each in decoder.parameters())


def test_the_voice_it_starts_from_stays_as_it_is(decoder: StyleDecoder, start: DecoderVoice) -> None:
    before = start.film.copy(), start.style.copy()
    fit(decoder, start, FittingPlan(steps=3))
    np.testing.assert_array_equal(start.film, before[0])
    np.testing.assert_array_equal(start.style, before[1])


def test_the_seed_decides(decoder: StyleDecoder, start: DecoderVoice) -> None:
    one, same, other = (fit(decoder, start, FittingPlan(steps=2, seed=seed)) for seed in (0, 0, 1))
    assert one.losses == same.losses
    np.testing.assert_array_equal(one.voice.film, same.voice.film)
    assert one.losses != other.losses


def test_progress_rises_with_every_step(decoder: StyleDecoder, start: DecoderVoice) -> None:
    seen: list[float] = []
    fit(decoder, start, FittingPlan(steps=4), progress=seen.append)
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_progress_cancels(decoder: StyleDecoder, start: DecoderVoice) -> None:
    def cancel(fraction: float) -> None:
        if fraction >= 0.5:
            raise CancelledError("not wanted any more")

    with pytest.raises(CancelledError):
        fit(decoder, start, FittingPlan(steps=4), progress=cancel)


def test_it_ends_when_the_time_is_up(decoder: StyleDecoder, start: DecoderVoice) -> None:
    seconds: Iterator[int] = count()
    fitted = fit(decoder, start, FittingPlan(steps=1000, max_seconds=6.5), clock=lambda: next(seconds))
    assert len(fitted.losses) == 6


def test_a_recording_without_one_whole_phrase_is_refused(decoder: StyleDecoder, start: DecoderVoice) -> None:
    with pytest.raises(LowQualityAudioError, match=r"1\.2 s"):
        fit(decoder, start, FittingPlan(steps=1), something_said(SEGMENT_FRAMES - 1))


def test_silence_is_refused(decoder: StyleDecoder, start: DecoderVoice) -> None:
    with pytest.raises(LowQualityAudioError):
        fit(decoder, start, FittingPlan(steps=1), something_said(FRAMES, energy=-9.0))


def test_whispering_is_fitted_to_all_the_same(decoder: StyleDecoder, start: DecoderVoice) -> None:
    given = something_said(FRAMES)
    whispered = replace(given, f0=np.zeros_like(given.f0))
    assert len(fit(decoder, start, FittingPlan(steps=2), whispered).losses) == 2


def test_a_fit_that_runs_away_is_no_voice(decoder: StyleDecoder, start: DecoderVoice) -> None:
    with pytest.raises(ConversionFailedError, match="no sound"):
        fit(decoder, start, FittingPlan(steps=3), aims=NoNumber())
