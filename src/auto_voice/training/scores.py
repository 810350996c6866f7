"""How well a mapper does on clips it was not trained with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.training.examples import Example, whole
from auto_voice.training.features import VARIANTS
from auto_voice.training.losses import labels


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Means over the frames of a group of clips.

    Attributes:
        group: kind of the clips and how they were changed: "sung raised".
        frames: how many.
        phone_accuracy: share of frames whose sound is the right one.
        cosine: between mapped and true content.
        error: squared error of the content, in units of its spread.
        liveliness: spread of the mapped content over time, of that of the true one; below 1 it is blurred.
    """

    group: str
    frames: int
    phone_accuracy: float
    cosine: float
    error: float
    liveliness: float


def score(mapper: ContentMapper, examples: Sequence[Example]) -> list[Scores]:
    """Score a mapper on whole clips, each kind of clip and change for itself."""
    sums: dict[str, list[torch.Tensor]] = defaultdict(list)
    for example in examples:
        for variant, name in enumerate(VARIANTS):
            sums[f"{example.kind} {name}"].append(_sums(mapper, example, variant))
    result = []
    for group, parts in sorted(sums.items()):
        frames, right, cosine, error, spread = torch.stack(parts).sum(0).tolist()
        result.append(
            Scores(
                group=group,
                frames=int(frames),
                phone_accuracy=right / frames,
                cosine=cosine / frames,
                error=error / frames,
                liveliness=spread / frames,
            )
        )
    return result


def _sums(mapper: ContentMapper, example: Example, variant: int) -> torch.Tensor:
    """Frames, and what is to be averaged over them, summed."""
    batch = whole(example, variant)
    with torch.inference_mode():
        content, logits = mapper(batch.features)
    content, vectors = content[0], batch.vectors[0]
    error = ((content - vectors) / mapper.spread).square().mean(-1)
    right = logits[0].argmax(-1) == labels(batch.tokens, mapper)[0]
    cosine = functional.cosine_similarity(content, vectors, dim=-1)
    spread = (content.std(0) / mapper.spread).mean() / (vectors.std(0) / mapper.spread).mean()
    frames = len(content)
    return torch.tensor([frames, right.sum(), cosine.sum(), error.sum(), spread * frames])
