"""The one type in which sound moves through AutoVoice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Audio:
    """Sound in memory.

    Attributes:
        samples: float32, shape (channels, frames), full scale ±1.0. Treated as read-only.
        sample_rate: Hz.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        """Hold the promise of shape and dtype, so that no stage has to check again."""
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise TypeError(f"Audio needs float32 (channels, frames), got {self.samples.dtype} {self.samples.shape}")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Number of samples in each channel."""
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    def mono(self) -> Samples:
        """Mean of the channels, shape (frames,)."""
        mean: Samples = self.samples[0] if self.channels == 1 else self.samples.mean(axis=0, dtype=np.float32)
        return mean


@dataclass(frozen=True)
class PcmStream:
    """Sound on its way in from a decoder.

    Attributes:
        sample_rate: Hz.
        channels: number of channels.
        blocks: float32 arrays of shape (frames, channels), as decoders interleave them.
        frames: how many frames will come at most; None when only the end will tell.
    """

    sample_rate: int
    channels: int
    blocks: Iterator[Samples]
    frames: int | None = None
