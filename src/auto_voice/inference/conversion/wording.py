"""Words that were recognised, said more clearly: the content that was heard leans towards that of the words' sounds.

What a content mapper hears in singing is blurred. A recogniser knows the language: it hears fewer, likelier words. But
it also makes words up, and a word is only used where the mapper hears its sounds as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from auto_voice.audio import Audio
from auto_voice.features import Progress
from auto_voice.inference.conversion.alignment import best_path, distances, fits, log_likelihoods
from auto_voice.models.networks.content_mapper import ContentMapper

_FRAMES_A_SECOND = 40
_SHARE = 0.6
"""Of the words' own content. More is as clear to the recogniser that wrote the words and less to another one."""

_LEAST_LIKELY = -5.0
"""Mean log likelihood of a word's sounds. Words that were sung lie above -4.5, made-up ones from -5 to -10."""

_EDGES = np.array([0.25, 0.5, 0.25], np.float32)
_MARGIN_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Line:
    """Some words in a recording, as the decoder is told them.

    Attributes:
        start, end: seconds, about where they are sung.
        tokens: int64 (tokens,), of Kokoro's vocabulary; silence is the first and the last.
        vectors: float32 (tokens, content), the content of each.
        words: (first, end) of each word among the tokens.
    """

    start: float
    end: float
    tokens: NDArray[np.int64]
    vectors: NDArray[np.float32]
    words: tuple[tuple[int, int], ...]


HearWords = Callable[[Audio, Progress], list[Line]]
"""The words of a recording, in order; none where there are none, or none that can be told the decoder."""


def worded_content(
    features: NDArray[np.float32], mapper: ContentMapper, lines: Sequence[Line] = ()
) -> NDArray[np.float32]:
    """What the decoder is told of a recording: what the mapper hears, leaning towards the words that are known.

    Args:
        features: (frames, features), see `decoder_input.content_frames`.
        mapper: on the CPU.
        lines: in order.

    Returns:
        float32 (content, frames).
    """
    with torch.inference_mode():
        normal, logits = (each[0] for each in mapper.normalised(torch.from_numpy(features)[None]))
        content = (normal * mapper.spread + mapper.mean).numpy()
    aim, weight = content.copy(), np.zeros(len(content), np.float32)
    for first, end, line in _places(lines, len(content)):
        likely = log_likelihoods(logits[first:end], mapper, line.tokens)
        durations, _ = best_path(fits(likely, distances(normal[first:end], mapper, line.vectors)))
        owner = np.repeat(np.arange(len(durations)), durations)
        aim[first:end] = line.vectors[owner]
        weight[first:end] = _SHARE * _trusted(likely, owner, line)
    lean = convolve1d(weight, _EDGES, mode="nearest")[:, None]
    return np.ascontiguousarray((content + lean * (aim - content)).T)


def _places(lines: Sequence[Line], frames: int) -> list[tuple[int, int, Line]]:
    """The frames in which each line is to be found: a little more than it was said to have, none of them shared."""
    places = []
    for number, line in enumerate(lines):
        before = (lines[number - 1].end + line.start) / 2 if number else 0.0
        after = (line.end + lines[number + 1].start) / 2 if number + 1 < len(lines) else np.inf
        first = round(max(before, line.start - _MARGIN_SECONDS, 0.0) * _FRAMES_A_SECOND)
        end = min(frames, round(min(after, line.end + _MARGIN_SECONDS) * _FRAMES_A_SECOND))
        if end - first >= len(line.tokens):
            places.append((first, end, line))
    return places


def _trusted(likely: NDArray[np.float32], owner: NDArray[np.int64], line: Line) -> NDArray[np.float32]:
    """Which frames belong to words whose sounds are heard there: 1 or 0, (frames,)."""
    here = likely[np.arange(len(owner)), owner]
    counts = np.bincount(owner, minlength=len(line.tokens))
    means = np.bincount(owner, weights=here, minlength=len(line.tokens)) / counts
    trusted = np.zeros(len(line.tokens), np.float32)
    for first, end in line.words:
        trusted[first:end] = means[first:end].mean() > _LEAST_LIKELY
    return trusted[owner]
