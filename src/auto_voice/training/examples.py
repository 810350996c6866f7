"""Training examples: stretches of clips, faster or slower, with parts of the input left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auto_voice.errors import InvalidParametersError
from auto_voice.training.clips import Clip, clip_files
from auto_voice.training.features import feature_file
from auto_voice.training.generate import is_validation

IGNORED = -100
"""The token of frames outside of a clip; also what torch calls a label that does not count."""

_LAYERS = 3
_WARPED_SHARE, _WARP = 0.6, 0.35
_DROPPED_SHARE = 0.3
_OVERHANG = 10
_INPUT_NOISE = 0.1
_WORST_SHARE = 0.12
"""Of the recordings; they are left out: their transcripts are wrong, or their noise is loud."""


@dataclass(frozen=True)
class Example:
    """A clip as the trainer sees it.

    Attributes:
        features: float16 (variants, frames, features).
        vectors: float32 (tokens, 512), the decoder's content.
        tokens: int64 (tokens,), numbers of Kokoro's vocabulary.
        places: int64 (frames,), which token each frame belongs to.
        kind: "spoken", "sung" or "read".
        fit: see Clip.
    """

    features: NDArray[np.float16]
    vectors: NDArray[np.float32]
    tokens: NDArray[np.int64]
    places: NDArray[np.int64]
    kind: str
    fit: float


class Batch(NamedTuple):
    """Stretches of clips; (batch, frames) each, and more dimensions where said.

    Attributes:
        features: float32 (…, features).
        vectors: float32 (…, 512), the decoder's content.
        tokens: int64, numbers of Kokoro's vocabulary; IGNORED outside of the clip.
        weight: float32, 0 outside of the clip.
    """

    features: Tensor
    vectors: Tensor
    tokens: Tensor
    weight: Tensor


def load_examples(generated: Path, recordings: Path | None = None) -> tuple[list[Example], list[Example]]:
    """Clips whose features are computed: those to train with, and those to validate with.

    Features stay on the disk until they are looked at.

    Args:
        generated: folder of `generate`.
        recordings: folder of `align_recordings`; those that fit their words worst are left out.

    Raises:
        InvalidAudioError: a file is no clip.
        InvalidParametersError: there is nothing to train with, or nothing to validate with.
    """
    found = list(_examples(generated, None))
    if recordings is not None:
        read = list(_examples(recordings, "read"))
        bound = np.quantile([example.fit for _, example in read], _WORST_SHARE) if read else 0.0
        found += [(validates, example) for validates, example in read if example.fit >= bound]
    training = [example for validates, example in found if not validates]
    validation = [example for validates, example in found if validates]
    if not training or not validation:
        raise InvalidParametersError(
            f"{len(training)} clips to train with and {len(validation)} to validate with; both are needed",
            suggestions=["autovoice train generate-speech", "autovoice train features"],
        )
    return training, validation


def _examples(folder: Path, kind: str | None) -> Iterator[tuple[bool, Example]]:
    """Whether it serves to validate, and the example, for every clip of a folder that has features."""
    for path in clip_files(folder):
        if not feature_file(path).is_file():
            continue
        clip = Clip.load(path)
        features = np.load(feature_file(path), mmap_mode="r")
        yield (
            is_validation(int(path.stem.partition("-")[2])),
            Example(
                features=features,
                vectors=clip.vectors.astype(np.float32),
                tokens=clip.tokens.astype(np.int64),
                places=clip.frame_tokens()[: features.shape[1]],
                kind=kind or ("sung" if clip.sung else "spoken"),
                fit=clip.fit,
            ),
        )


def random_batch(examples: list[Example], size: int, frames: int, random: np.random.Generator) -> Batch:
    """Stretches of clips, longer clips more often."""
    lengths = np.array([len(example.places) for example in examples], np.float64)
    chosen = random.choice(len(examples), size, p=lengths / lengths.sum())
    parts = zip(*(_stretch(examples[index], frames, random) for index in chosen), strict=True)
    return Batch(*(torch.from_numpy(np.stack(part)) for part in parts))


def whole(example: Example, variant: int) -> Batch:
    """A clip from beginning to end, unchanged, as a batch of one."""
    features = np.asarray(example.features[variant], np.float32)
    vectors, tokens = example.vectors[example.places], example.tokens[example.places]
    parts = (features, vectors, tokens, np.ones(len(tokens), np.float32))
    return Batch(*(torch.from_numpy(part[None]) for part in parts))


def _stretch(example: Example, frames: int, random: np.random.Generator) -> tuple[NDArray[np.generic], ...]:
    """What Batch holds, for one stretch: mostly slower or faster by up to 40 %, with noise on the input, and
    sometimes without one of Whisper's layers.
    """
    variant = example.features[int(random.integers(len(example.features)))]
    last = len(example.places) - 1
    pace = np.exp(random.uniform(-_WARP, _WARP)) if random.random() < _WARPED_SHARE else 1.0
    start = random.uniform(-_OVERHANG, max(1.0, last + 1 - frames * pace + _OVERHANG))
    places = start + np.arange(frames) * pace
    inside = (places >= 0) & (places <= last)
    places = np.clip(places, 0, last)
    before = places.astype(np.int64)
    share = (places - before).astype(np.float32)[:, None]
    features = variant[before] * (1 - share) + variant[np.minimum(before + 1, last)] * share
    features += np.float32(_INPUT_NOISE) * random.standard_normal(features.shape, np.float32)
    if random.random() < _DROPPED_SHARE:
        features.reshape(frames, _LAYERS, -1)[:, int(random.integers(_LAYERS))] = 0
    which = example.places[np.round(places).astype(np.int64)]
    tokens = np.where(inside, example.tokens[which], IGNORED)
    return features, example.vectors[which], tokens, inside.astype(np.float32)
