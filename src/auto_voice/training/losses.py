"""How far mapped content is from the true one: in value, in direction, to the decoder's ear, and as sounds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.models.networks.style_decoder import StyleDecoder
from auto_voice.training.examples import IGNORED, Batch

_COSINE, _HEARD, _SOUNDS = 0.5, 0.5, 0.3
_LABEL_SMOOTHING = 0.05
_LEAST_EIGENVALUE = 1e-3


@dataclass(frozen=True)
class Losses:
    """Means over the frames that count.

    Attributes:
        value: squared error of the content, each channel in units of its spread.
        cosine: 1 minus the cosine of the content.
        heard: squared error after the decoder's first layer, per unit of its power.
        sounds: cross-entropy of the sounds, nats.
    """

    value: Tensor
    cosine: Tensor
    heard: Tensor
    sounds: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return self.value + _COSINE * self.cosine + _HEARD * self.heard + _SOUNDS * self.sounds


@torch.no_grad()
def decoder_ear(decoder: StyleDecoder, mapper: ContentMapper, vectors: Tensor) -> Tensor:
    """A matrix (n, content) through which the decoder's first layers see the mapper's normalised content.

    Both layers that read the content are put one below the other, and reduced to the directions that count.

    Args:
        vectors: float32 (frames, content), typical content, which the result gives unit power.
    """
    width = len(mapper.spread)
    skip = decoder.content_conv.weight[:, :, 0]
    block = decoder.encode.shortcut.weight[:, :width, 0]
    stacked = torch.cat([skip / len(skip) ** 0.5, block / len(block) ** 0.5]) * mapper.spread
    power = ((vectors - mapper.mean) / mapper.spread @ stacked.T).square().sum(-1).mean()
    values, directions = torch.linalg.eigh(stacked.T @ stacked / power)
    kept = values > values.max() * _LEAST_EIGENVALUE
    ear: Tensor = (directions[:, kept] * values[kept].sqrt()).T.contiguous()
    return ear


def losses(normal: Tensor, logits: Tensor, batch: Batch, mapper: ContentMapper, ear: Tensor) -> Losses:
    """Compare what `mapper.normalised` gave with what is true.

    Args:
        normal: (batch, frames, content).
        logits: (batch, frames, phones).
        ear: see `decoder_ear`.
    """
    weight = batch.weight / batch.weight.sum()
    error = normal - (batch.vectors - mapper.mean) / mapper.spread
    content = normal * mapper.spread + mapper.mean
    cosine = functional.cosine_similarity(content, batch.vectors, dim=-1)
    return Losses(
        value=(error.square().mean(-1) * weight).sum(),
        cosine=((1 - cosine) * weight).sum(),
        heard=(_product(error, ear).square().sum(-1) * weight).sum(),
        sounds=functional.cross_entropy(
            logits.transpose(1, 2),
            labels(batch.tokens, mapper),
            ignore_index=IGNORED,
            label_smoothing=_LABEL_SMOOTHING,
        ),
    )


def _product(error: Tensor, ear: Tensor) -> Tensor:
    with torch.autocast(error.device.type, torch.bfloat16):
        return (error @ ear.T).float()


def labels(tokens: Tensor, mapper: ContentMapper) -> Tensor:
    """Which of the mapper's logits stands for each token; IGNORED stays."""
    found = torch.searchsorted(mapper.phones, tokens.clamp(min=0))
    return torch.where(tokens == IGNORED, tokens, found)
