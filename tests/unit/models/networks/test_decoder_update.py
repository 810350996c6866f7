"""What is added to the decoder: the same while it is trained and when it is loaded, and back from its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from auto_voice.models.networks.decoder_update import DecoderUpdate
from auto_voice.models.networks.low_rank_update import LowRankUpdate
from auto_voice.models.networks.style_decoder import DecoderShape, StyleDecoder
from auto_voice.models.networks.voice_prior import PriorShape, VoicePrior

TINY = DecoderShape(content=6, style=4, hidden=8, skip=2, generator=8)
RANK, LEAST = 2, 20


def a_decoder() -> StyleDecoder:
    torch.manual_seed(0)
    return StyleDecoder(TINY).requires_grad_(False)


def a_trained_change(network: nn.Module) -> LowRankUpdate:
    change = LowRankUpdate.of(network, RANK, LEAST)
    for up in change.up.values():
        nn.init.normal_(up, std=0.3)
    return change


def an_update() -> DecoderUpdate:
    prior = VoicePrior(PriorShape(style=4, film=12, embedding=5, rank=3))
    for each in prior.parameters():
        nn.init.normal_(each)
    return DecoderUpdate(change=a_trained_change(a_decoder()), prior=prior, mapper="a mapper")


def sound(decoder: StyleDecoder) -> Tensor:
    torch.manual_seed(1)
    content, style = torch.randn(2, 6, 5), torch.randn(2, 4)
    samples: Tensor = decoder(content, torch.full((2, 10), 200.0), torch.randn(2, 10), style)
    return samples


def test_an_untrained_change_changes_nothing() -> None:
    plain, added, attached = (a_decoder() for _ in range(3))
    LowRankUpdate.of(added, RANK, LEAST).add_to(added)
    LowRankUpdate.of(attached, RANK, LEAST).attach(attached)
    torch.testing.assert_close(sound(added), sound(plain))
    torch.testing.assert_close(sound(attached), sound(plain))


def test_what_training_heard_is_what_is_loaded() -> None:
    plain, added, attached = (a_decoder() for _ in range(3))
    change = a_trained_change(plain)
    change.attach(attached)
    change.add_to(added)
    torch.testing.assert_close(sound(attached), sound(added), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(sound(plain), sound(added), rtol=1e-2, atol=1e-3)


def test_a_share_of_the_change_changes_less() -> None:
    plain, whole, half = (a_decoder() for _ in range(3))
    change = a_trained_change(plain)
    change.add_to(whole)
    change.scale(0.5)
    change.add_to(half)
    for name, weight in half.named_parameters():
        middle = (plain.get_parameter(name) + whole.get_parameter(name)) / 2
        torch.testing.assert_close(weight, middle)


def test_gradients_reach_the_change_and_nothing_else() -> None:
    decoder = a_decoder()
    change = a_trained_change(decoder)
    change.attach(decoder)
    sound(decoder).square().mean().backward()
    assert all(each.grad is not None and each.grad.any() for each in change.parameters())
    mine = {id(each) for each in change.parameters()}
    assert all(each.grad is None for each in decoder.parameters() if id(each) not in mine)


def test_an_attached_change_leaves_the_voices_parameters_their_names() -> None:
    decoder = a_decoder()
    names = list(decoder.style_parameters())
    a_trained_change(decoder).attach(decoder)
    assert list(decoder.style_parameters()) == names


def test_only_large_convolutions_are_changed() -> None:
    decoder = a_decoder()
    change = LowRankUpdate.of(decoder, RANK, LEAST)
    assert change.shapes["encode.conv1"] == (8, 8, 3)
    assert "f0_conv" not in change.shapes and "generator.upsample.0" not in change.shapes


def test_a_change_for_another_network_is_refused_and_leaves_it_as_it_was() -> None:
    change = a_trained_change(a_decoder())
    other = StyleDecoder(DecoderShape(content=6, style=4, hidden=12, skip=2, generator=8)).requires_grad_(False)
    before = {name: each.clone() for name, each in other.named_parameters()}
    for use in (change.add_to, change.attach):
        with pytest.raises(ValueError, match="another network"):
            use(other)
    assert {name: each.equal(before[name]) for name, each in other.named_parameters()} == dict.fromkeys(before, True)


def test_an_update_comes_back_from_its_file(tmp_path: Path) -> None:
    update = an_update()
    update.save(tmp_path / "update.safetensors")
    read = DecoderUpdate.from_file(tmp_path / "update.safetensors")
    assert read.mapper == "a mapper" and read.change.shapes == update.change.shapes
    for part in ("change", "prior"):
        mine, theirs = getattr(update, part).state_dict(), getattr(read, part).state_dict()
        for name, each in mine.items():
            torch.testing.assert_close(theirs[name], each.detach(), rtol=1e-3, atol=1e-6)
    assert not any(each.requires_grad for each in (*read.change.parameters(), *read.prior.parameters()))


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"version": 2}, "does not hold an update of the decoder: format version 2, not 1"),
        ({"shapes": {"encode.conv1": [8, 8]}}, "does not hold an update"),
        ({"shapes": []}, "does not hold an update"),
        ({"prior": {"depth": 3}}, "does not hold an update"),
        ({"shapes": {}}, "lacks tensors of an update of the decoder, or has others"),
        ({"rank": RANK + 1}, "lacks tensors of an update of the decoder, or has others"),
    ],
)
def test_another_format_is_refused(tmp_path: Path, about: dict[str, object], said: str) -> None:
    path = tmp_path / "update.safetensors"
    an_update().save(path)
    with safe_open(path, framework="pt") as file:
        good = json.loads(file.metadata()["decoder_update"])
    save_file(load_file(path), path, metadata={"decoder_update": json.dumps({**good, **about})})
    with pytest.raises(ValueError, match=f"update.safetensors {said}"):
        DecoderUpdate.from_file(path)


@pytest.mark.parametrize("content", [b"", b"no safetensors file", b"\xff" * 64])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "update.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not hold an update"):
        DecoderUpdate.from_file(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not hold an update"):
        DecoderUpdate.from_file(tmp_path / "none.safetensors")
