"""The voice prior: one voice for all until it is trained, then another for each embedding."""

from __future__ import annotations

import torch

from auto_voice.models.networks.style_decoder import StyleDecoder
from auto_voice.models.networks.voice_prior import PriorShape, VoicePrior

SHAPE = PriorShape(style=4, film=10, embedding=6, rank=3)


def test_an_untrained_prior_expects_one_voice_whoever_is_heard() -> None:
    style, film = VoicePrior(SHAPE)(torch.randn(5, 6))
    assert style.shape == (5, 4) and film.shape == (5, 10)
    torch.testing.assert_close(style, style[:1].expand(5, 4))
    torch.testing.assert_close(film, film[:1].expand(5, 10))


def test_a_trained_prior_expects_different_voices_and_for_the_mean_voice_its_own_bias() -> None:
    prior = VoicePrior(SHAPE)
    for layer in (prior.style, prior.film):
        torch.nn.init.normal_(layer.weight)
    prior.mean.uniform_()
    style, film = prior(torch.stack([prior.mean, torch.randn(6)]))
    torch.testing.assert_close(style[0], prior.style.bias)
    torch.testing.assert_close(film[0], prior.film.bias)
    assert not torch.allclose(film[0], film[1])


def test_the_usual_prior_is_made_for_kokoros_decoder() -> None:
    decoder = StyleDecoder()
    shape = PriorShape()
    assert shape.style == decoder.shape.style
    assert shape.film == sum(each.numel() for each in decoder.style_parameters().values())
