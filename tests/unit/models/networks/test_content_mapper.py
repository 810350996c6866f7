"""The content mapper keeps time, and is what it was when it is read from its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape

TINY = MapperShape(features=6, content=5, phones=4, width=8, dilations=(1, 3), kernel=3)


@pytest.fixture
def mapper() -> ContentMapper:
    torch.manual_seed(1)
    mapper = ContentMapper(TINY).eval().requires_grad_(False)
    mapper.mean.copy_(torch.arange(5.0))
    mapper.spread.copy_(torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0]))
    mapper.phones.copy_(torch.tensor([0, 5, 9, 12]))
    return mapper


def test_every_frame_gets_content_and_logits(mapper: ContentMapper) -> None:
    content, logits = mapper(torch.randn(2, 30, 6))
    assert content.shape == (2, 30, 5) and logits.shape == (2, 30, 4)


def test_content_is_in_the_decoders_scale(mapper: ContentMapper) -> None:
    features = torch.randn(1, 10, 6)
    normal, _ = mapper.normalised(features)
    torch.testing.assert_close(mapper(features)[0], normal * mapper.spread + mapper.mean)


def test_a_frame_hears_its_surroundings_and_no_further(mapper: ContentMapper) -> None:
    features = torch.randn(1, 41, 6)
    changed = features.clone()
    changed[0, 20] += 1
    difference = (mapper(features)[0] - mapper(changed)[0]).abs().amax(-1)[0]
    heard = difference.nonzero().flatten()
    assert heard.min() == 20 - 4 and heard.max() == 20 + 4  # one to each side, then three


def test_a_later_input_gives_the_same_output_later(mapper: ContentMapper) -> None:
    features = torch.randn(1, 40, 6)
    later = mapper(features[:, 7:])[0][:, 4:-4]
    torch.testing.assert_close(later, mapper(features)[0][:, 11:-4])


def test_its_file_brings_it_back(mapper: ContentMapper, tmp_path: Path) -> None:
    mapper.save(tmp_path / "mapper.safetensors")
    again = ContentMapper.from_file(tmp_path / "mapper.safetensors")
    assert again.shape == mapper.shape
    assert again.phones.tolist() == [0, 5, 9, 12]
    features = torch.randn(1, 20, 6)
    torch.testing.assert_close(again(features)[0], mapper(features)[0], atol=1e-2, rtol=1e-2)


def test_the_shipped_shape_fits_into_6_mb(tmp_path: Path) -> None:
    ContentMapper(MapperShape(phones=115)).save(tmp_path / "mapper.safetensors")
    assert (tmp_path / "mapper.safetensors").stat().st_size < 6_000_000


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"some other file that is longer"])
def test_what_is_no_mapper_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mapper.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"mapper\.safetensors does not hold a content mapper"):
        ContentMapper.from_file(tmp_path / "mapper.safetensors")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        ContentMapper.from_file(tmp_path / "none.safetensors")
