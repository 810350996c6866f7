"""The one type in which sound moves through AutoVoice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_CANCELLED = 1e-3
"""Energy that is left of channels that cancel each other in the mean, relative to the loudest: -30 dB."""


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
        """Mean of the channels, shape (frames,); where they cancel each other, the loudest channel.

        A cable or a plug-in that turns one side's polarity makes a wide sound, but silence of the mean.
        """
        if self.channels == 1:
            return np.asarray(self.samples[0])
        mean = np.asarray(self.samples.mean(axis=0, dtype=np.float32))
        energies = [float(np.dot(channel, channel)) for channel in self.samples]
        if float(np.dot(mean, mean)) < _CANCELLED * max(energies, default=0.0):
            return np.asarray(self.samples[int(np.argmax(energies))])
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
