"""From an embedding of a voice to that voice of the decoder: nothing is fitted, a few seconds of it are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

_SPREAD = 4.0
"""Embeddings of different voices lie about a quarter of this from their mean, in each of the directions that count."""


@dataclass(frozen=True, kw_only=True)
class PriorShape:
    """Widths of a VoicePrior.

    Attributes:
        style: width of the decoder's style vector.
        film: how many biases the decoder's adaptive normalisations have, all together.
        embedding: width of a speaker embedding.
        rank: directions in which the biases may differ from one voice to another.
    """

    style: int = 128
    film: int = 37396
    embedding: int = 256
    rank: int = 48


class VoicePrior(nn.Module):
    """Where in the decoder a voice is to be expected, given its speaker embedding; see `forward`.

    Attributes:
        mean: (embedding,), of the voices it was trained with.
    """

    mean: Tensor

    def __init__(self, shape: PriorShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or PriorShape()
        self.style = nn.Linear(shape.embedding, shape.style)
        self.directions = nn.Linear(shape.embedding, shape.rank, bias=False)
        self.film = nn.Linear(shape.rank, shape.film)
        self.register_buffer("mean", torch.zeros(shape.embedding))
        nn.init.normal_(self.directions.weight, std=0.5)
        # So that training starts from one voice for all, whose style and biases are the two layers' biases.
        nn.init.zeros_(self.style.weight)
        nn.init.zeros_(self.film.weight)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Expect a voice.

        Args:
            embedding: float32 (batch, embedding), of unit norm, as `utils.speaker.SpeakerEncoder` gives it.

        Returns:
            The style vector (batch, style), and the biases of the decoder's adaptive normalisations (batch, film)
            in the order of their names; see `inference.conversion.decoder_voice`.
        """
        away = (embedding - self.mean) * _SPREAD
        film = self.film(torch.tanh(self.directions(away)))
        return cast(Tensor, self.style(away)), cast(Tensor, film)
