"""Stretches of readings, as the decoder is to make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.wording import worded_content
from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.models.networks.style_decoder import SAMPLES_PER_FRAME
from auto_voice.training.readers import COPIES, Reading

_SHARES = dict(zip(COPIES, (0.7, 0.14, 0.13, 0.03), strict=True))
_LEAST_VOICED = 0.25
_DRAWS = 6
_UNCERTAINTY = 0.015
"""Of each number of an embedding: those of two recordings of one voice differ by more than that."""


class Batch(NamedTuple):
    """Stretches of readings, (batch, …) each, float32.

    Attributes:
        content: (…, content, frames).
        f0, energy: (…, 2 × frames).
        samples: (…, 600 × frames), what the decoder is to make, at its own level.
        voice: (…, 256), unit norm, the reader's embedding.
        heard: the same as it might be of another recording.
    """

    content: Tensor
    f0: Tensor
    energy: Tensor
    samples: Tensor
    voice: Tensor
    heard: Tensor


@dataclass(frozen=True, kw_only=True)
class DecoderExample:
    """A reading whose content is mapped.

    Attributes:
        content: float16 (content, frames).
        f0, energy: float32 (2 × frames,), see DecoderInput.
        samples: float16 (600 × frames,), at the decoder's own level.
        embedding: float32 (256,), unit norm, the reader's voice.
        reader: which one.
        copy: one of `readers.COPIES`.
    """

    content: NDArray[np.float16]
    f0: NDArray[np.float32]
    energy: NDArray[np.float32]
    samples: NDArray[np.float16]
    embedding: NDArray[np.float32]
    reader: str
    copy: str

    @classmethod
    def of(cls, reading: Reading, mapper: ContentMapper) -> DecoderExample:
        """Map the content of a reading."""
        return cls(
            content=worded_content(reading.features.astype(np.float32), mapper).astype(np.float16),
            f0=reading.f0,
            energy=reading.energy,
            samples=(reading.samples * np.float32(reading.gain)).astype(np.float16),
            embedding=reading.embedding,
            reader=reading.reader,
            copy=reading.copy,
        )

    @property
    def frames(self) -> int:
        """Frames of content; each is 25 ms."""
        return len(self.f0) // 2

    def stretch(self, first: int, frames: int) -> tuple[NDArray[np.float32], ...]:
        """The first five fields of a Batch for that many frames."""
        end = first + frames
        parts = (
            self.content[:, first:end],
            self.f0[2 * first : 2 * end],
            self.energy[2 * first : 2 * end],
            self.samples[first * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME],
            self.embedding,
        )
        return tuple(part.astype(np.float32) for part in parts)


def load_decoder_examples(
    paths: Sequence[Path], mapper: ContentMapper, frames: int, progress: Progress = no_progress
) -> list[DecoderExample]:
    """Readings of at least that many frames, their content mapped.

    Raises:
        InvalidAudioError: a file is no reading.
    """
    return list(_loaded(paths, mapper, frames, progress))


def _loaded(paths: Sequence[Path], mapper: ContentMapper, frames: int, progress: Progress) -> Iterator[DecoderExample]:
    for done, path in enumerate(paths):
        progress(done / len(paths))
        reading = Reading.load(path)
        if reading.frames >= frames:
            yield DecoderExample.of(reading, mapper)
    progress(1.0)


def random_stretches(examples: Sequence[DecoderExample], size: int, frames: int, random: np.random.Generator) -> Batch:
    """Stretches with some voice in them where there are any, more of them as they were read than at other pitches."""
    shares = np.array([_SHARES[example.copy] for example in examples])
    chosen = random.choice(len(examples), size, p=shares / shares.sum())
    parts = zip(*(_random_stretch(examples[index], frames, random) for index in chosen), strict=True)
    content, f0, energy, samples, voice = (torch.from_numpy(np.stack(part)) for part in parts)
    noise = torch.from_numpy(random.normal(0, _UNCERTAINTY, voice.shape).astype(np.float32))
    return Batch(content, f0, energy, samples, voice, functional.normalize(voice + noise, dim=-1))


def _random_stretch(
    example: DecoderExample, frames: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], ...]:
    for _ in range(_DRAWS):
        first = int(random.integers(example.frames - frames + 1))
        if np.mean(example.f0[2 * first : 2 * (first + frames)] > 0) > _LEAST_VOICED:
            break
    return example.stretch(first, frames)
