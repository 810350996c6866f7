"""Where each sound of known words lies in a recording, judged by what the content mapper hears in it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auto_voice.models.networks.content_mapper import ContentMapper

_DISTANCE_WEIGHT = 1.0
_UNLIKELY = -30.0


def log_likelihoods(logits: Tensor, mapper: ContentMapper, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
    """How likely each frame holds each token: natural logarithms, (frames, tokens).

    Args:
        logits: (frames, phones), the mapper's.
        tokens: int64 (tokens,), of Kokoro's vocabulary.
    """
    columns = torch.searchsorted(mapper.phones, torch.from_numpy(tokens))
    result: NDArray[np.float32] = logits.log_softmax(-1)[:, columns].clamp(min=_UNLIKELY).numpy()
    return result


def distances(normal: Tensor, mapper: ContentMapper, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each frame's content is from each token's, (frames, tokens); 2 where they have nothing in common.

    Args:
        normal: (frames, content), see ContentMapper.normalised.
        vectors: (tokens, content), in the decoder's own scale.
    """
    wanted = (torch.from_numpy(vectors) - mapper.mean) / mapper.spread
    result: NDArray[np.float32] = (torch.cdist(normal, wanted).square() / wanted.shape[1]).numpy()
    return result


def fits(likely: NDArray[np.float32], far: NDArray[np.float32]) -> NDArray[np.float32]:
    """How well each frame fits each token, of `log_likelihoods` and `distances`."""
    result: NDArray[np.float32] = likely - np.float32(_DISTANCE_WEIGHT) * far
    return result


def best_path(fits: NDArray[np.float32]) -> tuple[NDArray[np.int64], float]:
    """The durations of tokens in order that fit a sound best (Viterbi); each lasts one frame at least.

    Args:
        fits: (frames, tokens), how well each frame fits each token; not fewer frames than tokens.

    Returns:
        int64 (tokens,), frames of each; the mean fit of a frame.
    """
    frames, tokens = fits.shape
    best = np.full(tokens, -np.inf)
    best[0] = fits[0, 0]
    advanced = np.zeros((frames, tokens), bool)
    for frame in range(1, frames):
        before = np.concatenate([[-np.inf], best[:-1]])
        advanced[frame] = before > best
        best = np.maximum(best, before) + fits[frame]
    durations = np.zeros(tokens, np.int64)
    token = tokens - 1
    for frame in range(frames - 1, -1, -1):
        durations[token] += 1
        token -= int(advanced[frame, token])
    return durations, float(best[-1] / frames)
