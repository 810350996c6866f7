"""What a voice is fitted for: to be the recording when it says the same, and to stay itself at any other pitch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auto_voice.inference.conversion.fitting.losses import SpeakerLoss, SpectralLoss, TuneLoss
from auto_voice.models.networks.ge2e import GE2E
from auto_voice.models.networks.style_decoder import SAMPLE_RATE

SPEAKER_WEIGHT = 1.0
"""Of the loss of the voice that is heard, against the spectral one. More of it only pleases the encoder itself: from
0.6 to 1.5 one reader's likeness rose from .79 to .80 by it, and fell from .77 to .75 by another encoder; without, both
were lower (.79, .76), and so was naturalness (3.9 instead of 4.1)."""

TUNE_WEIGHT = 0.3
"""Of the loss of tune, beside the voice's. On one reader, from 0.2 to 0.5 two frames more in a hundred were in tune,
and the likeness of what is sung fell by .003."""


class VoiceAims:
    """The losses of a fitting.

    Args:
        listener: the speaker encoder; copied.
        embedding: the voice as it hears it in the recording, float32 (256,), unit norm.
        band_hz: where the recording's spectrum ends.
        device: "cpu" or "cuda:N".
    """

    def __init__(self, listener: GE2E, embedding: NDArray[np.float32], band_hz: float, device: str) -> None:
        self._spectral = SpectralLoss(min(band_hz, SAMPLE_RATE / 2)).to(device)
        self._speaker = SpeakerLoss(listener).to(device)
        self._tune = TuneLoss().to(device)
        self._voice = torch.from_numpy(embedding).to(device)

    def as_recorded(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See Aims."""
        total: Tensor = self._spectral(made, wanted) + SPEAKER_WEIGHT * self._speaker(made, self._voice)
        return total

    def elsewhere(self, made: Tensor, f0: Tensor) -> Tensor:
        """See Aims; there is nothing to compare spectra with."""
        total: Tensor = self._speaker(made, self._voice) + TUNE_WEIGHT * self._tune(made, f0)
        return total
