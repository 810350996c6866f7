"""A tiny decoder of Kokoro's class: what goes in, what comes out, what can be fitted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from auto_voice.models.networks.style_decoder import (
    CONTENT_RATE,
    CURVE_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    DecoderShape,
    StyleDecoder,
    fast_kind,
)

TINY = DecoderShape(content=6, style=4, hidden=8, skip=3, generator=16)


@pytest.fixture
def decoder() -> StyleDecoder:
    torch.manual_seed(1)
    return StyleDecoder(TINY).eval().requires_grad_(False)


def inputs(frames: int, batch: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Content, F0 (the last quarter unvoiced), energy and style."""
    generator = torch.Generator().manual_seed(frames)
    f0 = torch.full((batch, 2 * frames), 220.0)
    f0[:, -frames // 2 :] = 0
    content = torch.randn(batch, TINY.content, frames, generator=generator)
    return content, f0, torch.zeros(batch, 2 * frames), torch.randn(batch, TINY.style, generator=generator)


def test_the_rates_belong_together() -> None:
    assert (CONTENT_RATE, CURVE_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME) == (40, 80, 24000, 600)


@pytest.mark.parametrize("frames", [1, 2, 7, 24])
@pytest.mark.parametrize("batch", [1, 3])
def test_every_length_comes_out_whole(decoder: StyleDecoder, frames: int, batch: int) -> None:
    samples = decoder(*inputs(frames, batch))
    assert samples.shape == (batch, SAMPLES_PER_FRAME * frames)
    assert samples.dtype == torch.float32
    assert samples.isfinite().all()


def test_the_voices_of_a_batch_do_not_hear_each_other(decoder: StyleDecoder) -> None:
    given = inputs(8, batch=2)
    together = decoder(*given)
    alone = torch.cat([decoder(*(each[index : index + 1] for each in given)) for index in range(2)])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


def test_the_same_gives_the_same_and_noise_goes_by_its_seed(decoder: StyleDecoder) -> None:
    given = inputs(8)

    def noisy(seed: int) -> Tensor:
        return decoder(*given, noise=torch.Generator().manual_seed(seed))

    assert torch.equal(decoder(*given), decoder(*given))
    assert torch.equal(noisy(1), noisy(1))
    assert not torch.equal(noisy(1), noisy(2))


def test_gradients_reach_the_style_and_every_bias_that_a_voice_may_replace(decoder: StyleDecoder) -> None:
    *given, style = inputs(6)
    style.requires_grad_()
    parameters = decoder.style_parameters()
    for parameter in parameters.values():
        parameter.requires_grad_()
    decoder(*given, style).square().mean().backward()
    assert len(parameters) == 10 + 8 * 3 * 2
    assert style.grad is not None
    assert style.grad.abs().max() > 0
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    untouched = [each for name, each in decoder.named_parameters() if name not in parameters]
    assert all(each.grad is None for each in untouched)


def test_a_step_down_the_gradient_comes_nearer(decoder: StyleDecoder) -> None:
    """The gradient is the true one: the loss falls by what it promises."""
    decoder.double()
    *given, style = (each.double() for each in inputs(6))
    style.requires_grad_()

    def loss(at: Tensor) -> Tensor:
        return decoder(*given, at).square().mean()

    loss(style).backward()
    assert style.grad is not None
    step = 1e-3 * style.grad / style.grad.norm()
    with torch.no_grad():
        slope = (loss(style + step) - loss(style - step)) / (2 * 1e-3)
    torch.testing.assert_close(slope.double(), style.grad.norm(), rtol=0.02, atol=0)


@pytest.mark.parametrize("way", ["autocast", "weights"])
def test_bfloat16_sounds_alike_and_has_gradients(decoder: StyleDecoder, way: str) -> None:
    *given, style = inputs(12)
    expected = decoder(*given, style)
    if way == "weights":
        assert decoder.compute_in(torch.bfloat16) is decoder
    style.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "autocast"):
        samples = decoder(*given, style)
    assert samples.dtype == torch.float32
    error = (samples - expected).square().mean() / expected.square().mean()
    assert error < 0.02
    samples.square().mean().backward()
    assert style.grad is not None
    assert style.grad.isfinite().all()
    assert style.grad.dtype == torch.float32


def test_what_must_be_exact_stays_float32_in_bfloat16(decoder: StyleDecoder) -> None:
    decoder.compute_in(torch.bfloat16)
    assert decoder.generator.out_conv.weight.dtype == torch.float32
    assert decoder.generator.source.merge.weight.dtype == torch.float32
    assert {each.dtype for each in decoder.style_parameters().values()} == {torch.float32}
    assert decoder.decode[0].conv1.weight.dtype == torch.bfloat16
    assert decoder.compute_in(torch.float32).decode[0].conv1.weight.dtype == torch.float32


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c, f, e, s: (c, f[:, :-1], e, s),
        lambda c, f, e, s: (c, f, e[:, 1:], s),
        lambda c, f, e, s: (c[..., :0], f[:, :0], e[:, :0], s),
        lambda c, f, e, s: (c, f[:, None], e, s),
    ],
    ids=["short F0", "short energy", "nothing", "an axis too many"],
)
def test_what_does_not_fit_is_refused(decoder: StyleDecoder, spoil) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="frames"):
        decoder(*spoil(*inputs(4)))


class TestFromFile:
    def test_reads_any_shape_as_float32_without_gradients(self, decoder: StyleDecoder, tmp_path: Path) -> None:
        path = tmp_path / "decoder.safetensors"
        save_file({name: each.contiguous() for name, each in decoder.state_dict().items()}, path)
        loaded = StyleDecoder.from_file(path)
        assert loaded.shape == TINY
        assert not loaded.training
        assert not any(each.requires_grad for each in loaded.parameters())
        assert torch.equal(loaded(*inputs(4)), decoder(*inputs(4)))

    def test_half_precision_on_disk_becomes_float32(self, decoder: StyleDecoder, tmp_path: Path) -> None:
        path = tmp_path / "decoder.safetensors"
        save_file({name: each.half().contiguous() for name, each in decoder.state_dict().items()}, path)
        assert {each.dtype for each in StyleDecoder.from_file(path).parameters()} == {torch.float32}

    @pytest.mark.parametrize("lost", ["content_conv.weight", "generator.blocks.3.units.1.norm2.frequency"])
    def test_a_file_without_a_weight_is_refused(self, decoder: StyleDecoder, tmp_path: Path, lost: str) -> None:
        path = tmp_path / "decoder.safetensors"
        kept = {name: each.contiguous() for name, each in decoder.state_dict().items() if name != lost}
        save_file(kept, path)
        with pytest.raises(ValueError, match=lost):
            StyleDecoder.from_file(path)

    def test_a_weight_of_another_shape_is_refused(self, decoder: StyleDecoder, tmp_path: Path) -> None:
        path = tmp_path / "decoder.safetensors"
        weights = {name: each.contiguous() for name, each in decoder.state_dict().items()}
        for name, wrong in (("encode.conv1.bias", torch.zeros(3)), ("content_conv.weight", torch.zeros(3))):
            save_file(weights | {name: wrong}, path)
            with pytest.raises(ValueError, match="style decoder's weights"):
                StyleDecoder.from_file(path)

    @pytest.mark.parametrize("content", [b"", b"no safetensors", b"\xff" * 64])
    def test_another_kind_of_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "decoder.safetensors"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a safetensors file"):
            StyleDecoder.from_file(path)


def test_the_fast_kind_is_one_that_the_decoder_computes_in(decoder: StyleDecoder) -> None:
    assert decoder.compute_in(fast_kind())(*inputs(2)).isfinite().all()
