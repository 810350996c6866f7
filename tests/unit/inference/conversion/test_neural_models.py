"""The networks of the neural converter: what comes with the package fits together, and what is damaged is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from auto_voice.config import Settings
from auto_voice.errors import ModelLoadError
from auto_voice.inference.conversion import neural_models
from auto_voice.inference.conversion.neural_models import MAPPER_FILE, UPDATE_FILE, NeuralModels, weights_file
from auto_voice.models.networks.decoder_update import DecoderUpdate
from auto_voice.models.networks.low_rank_update import LowRankUpdate
from auto_voice.models.networks.style_decoder import KOKORO, DecoderShape, StyleDecoder
from auto_voice.models.networks.voice_prior import PriorShape, VoicePrior
from auto_voice.models.runtime import ModelRuntime

TINY = DecoderShape(content=6, style=4, hidden=8, skip=2, generator=8)


def published(_: object = None) -> StyleDecoder:
    torch.manual_seed(0)
    return StyleDecoder(TINY).eval().requires_grad_(False)


@pytest.fixture
def models(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> NeuralModels:
    """With a tiny decoder, and a tiny update of it that changes something, in `tmp_path`."""
    monkeypatch.setattr(neural_models, "load_published_decoder", published)
    monkeypatch.setattr(neural_models, "weights_file", lambda name: tmp_path / name)
    change = LowRankUpdate.of(published(), rank=2, least=20)
    for up in change.up.values():
        torch.nn.init.ones_(up)
    prior = VoicePrior(PriorShape(style=4, film=10, embedding=5, rank=2))
    DecoderUpdate(change=change, prior=prior, mapper="").save(tmp_path / UPDATE_FILE)
    return NeuralModels(ModelRuntime(settings, "cpu"))


def test_the_decoder_is_lent_with_its_update(models: NeuralModels, tmp_path: Path) -> None:
    expected = published()
    DecoderUpdate.from_file(tmp_path / UPDATE_FILE).change.add_to(expected)
    with models.decoder() as decoder:
        weight = decoder.encode.conv1.weight.float()
    torch.testing.assert_close(weight, expected.encode.conv1.weight, rtol=1e-2, atol=1e-2)
    assert not torch.allclose(weight, published().encode.conv1.weight, rtol=1e-2, atol=1e-2)


def test_the_prior_is_lent(models: NeuralModels) -> None:
    with models.prior() as prior:
        style, film = prior(torch.zeros(1, 5))
    assert style.shape == (1, 4) and film.shape == (1, 10)


@pytest.mark.parametrize("content", [None, b"", b"damaged"])
def test_a_missing_or_damaged_update_is_told_with_a_remedy(
    models: NeuralModels, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / UPDATE_FILE
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for lease in (models.decoder, models.prior):
        with pytest.raises(ModelLoadError, match="does not hold an update") as caught, lease():
            pass
        assert "Install AutoVoice again" in caught.value.suggestions[0]


def test_an_update_of_another_decoder_is_refused(models: NeuralModels, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = DecoderShape(content=6, style=4, hidden=12, skip=2, generator=8)
    monkeypatch.setattr(neural_models, "load_published_decoder", lambda runtime: StyleDecoder(wide))
    with pytest.raises(ModelLoadError, match="another network"), models.decoder():
        pass


def test_the_shipped_update_is_of_kokoros_shape_small_and_made_with_the_shipped_mapper() -> None:
    path = weights_file(UPDATE_FILE)
    update = DecoderUpdate.from_file(path)
    with torch.device("meta"):
        decoder = StyleDecoder(KOKORO)
        assert update.change.shapes == LowRankUpdate.of(decoder, update.change.rank).shapes
    film = sum(each.numel() for each in decoder.style_parameters().values())
    assert (update.prior.shape.style, update.prior.shape.film) == (KOKORO.style, film)
    assert all(each.isfinite().all() for each in (*update.change.parameters(), *update.prior.parameters()))
    assert path.stat().st_size < 12e6
    assert update.mapper == hashlib.sha256(weights_file(MAPPER_FILE).read_bytes()).hexdigest()
