"""How far made samples are from the wanted ones: in their spectra, in the voice and in the pitch. Differentiable.

The spectral loss is that of Parallel WaveGAN (Yamamoto, Song & Kim, ICASSP 2020), with HiFi-GAN's mel term (Kong, Kim &
Bae, NeurIPS 2020), cut off where the recording's own spectrum ends: above it the recording would teach silence.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from auto_voice.models.networks.ge2e import GE2E, HOP, PARTIAL_FRAMES
from auto_voice.models.networks.ge2e import SAMPLE_RATE as SPEAKER_RATE
from auto_voice.models.networks.mel import htk_filterbank
from auto_voice.models.networks.style_decoder import CURVE_RATE, SAMPLE_RATE

BAND_HZ = 7800.0
"""What can be learnt from a recording at 16 kHz; its last 200 Hz belong to somebody's resampler."""

_RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))
_MEL_RESOLUTION = (1024, 256)
_MELS = 80
_FLOOR = 0.04
"""Magnitude, at an FFT of 1024, below which differences count for little: about the noise of a good recording."""
_MEL_FLOOR = 2e-3
_CONVERGENCE, _MEL = 0.5, 2.0
_SMALLEST_NORM = 1e-3

_TUNE_WINDOW = SAMPLE_RATE // 20
_TUNE_BAND_HZ = (60.0, 4000.0)
_TUNE_MARGIN = 2  # curve frames to either side that must be voiced as well
_LEAST_MAGNITUDE = 1e-4

_SPEAKER_FFT = SAMPLE_RATE * 25 // 1000
_SPEAKER_HOP = HOP * SAMPLE_RATE // SPEAKER_RATE
_QUIETEST = 10 ** (-30 / 20)
"""RMS to which quieter samples are raised, as `utils.speaker` raises recordings."""


class SpectralLoss(nn.Module):
    """Mean difference of spectra at three resolutions and on a mel scale, below `band_hz`.

    Both signals are taken at the decoder's level, see `DecoderInput.gain`: the floors below which differences do not
    count are fixed.

    Raises:
        ValueError: the band does not lie between 0 Hz and half the decoder's rate.
    """

    filters: Tensor

    def __init__(self, band_hz: float = BAND_HZ) -> None:
        super().__init__()
        if not 0 < band_hz <= SAMPLE_RATE / 2:
            raise ValueError(f"a band up to {band_hz} Hz cannot be compared at {SAMPLE_RATE} samples a second")
        self.band_hz = band_hz
        filters = htk_filterbank(SAMPLE_RATE, _MEL_RESOLUTION[0], _MELS, band_hz)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        for size, _ in _RESOLUTIONS:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Compare.

        Args:
            made, wanted: (batch, samples) at 24 kHz, at least 2048 samples.

        Returns:
            float32 (), the mean over the batch.
        """
        total = made.new_zeros((), dtype=torch.float32)
        with torch.autocast(made.device.type, enabled=False):
            for size, hop in _RESOLUTIONS:
                mine, theirs = (self._magnitudes(each, size, hop) for each in (made, wanted))
                if (size, hop) == _MEL_RESOLUTION:
                    total = total + _MEL * _log_distance(self.filters @ mine, self.filters @ theirs, _MEL_FLOOR)
                bins = int(self.band_hz / SAMPLE_RATE * size) + 1
                mine, theirs = mine[:, :bins], theirs[:, :bins]
                floor = _FLOOR * (size / 1024) ** 0.5
                convergence = (mine - theirs).norm(dim=(1, 2)) / (theirs.norm(dim=(1, 2)) + _SMALLEST_NORM)
                distance = _log_distance(mine, theirs, floor) + _CONVERGENCE * convergence.mean()
                total = total + distance / len(_RESOLUTIONS)
        return total

    def _magnitudes(self, samples: Tensor, size: int, hop: int) -> Tensor:
        window = cast(Tensor, getattr(self, f"window_{size}"))
        return torch.stft(samples.float(), size, hop, window=window, return_complex=True).abs()


class SpeakerLoss(nn.Module):
    """1 minus the cosine between the voice heard in made samples and the wanted one, by the GE2E speaker encoder.

    Takes the decoder's 24 kHz as they are: a frame of 25 ms has its bins 40 Hz apart at any rate, so that the lowest of
    them are the spectrum the encoder knows from 16 kHz.

    Args:
        encoder: copied; the encoder itself is left as it is.
    """

    filters: Tensor
    window: Tensor

    def __init__(self, encoder: GE2E) -> None:
        super().__init__()
        # In training mode, since cuDNN's recurrent layers pass no gradients back in any other; nothing in it is random.
        self.encoder = copy.deepcopy(encoder).train().requires_grad_(False)
        self.register_buffer("filters", self.encoder.filters.clone(), persistent=False)
        self.register_buffer("window", torch.hann_window(_SPEAKER_FFT), persistent=False)

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Compare.

        Args:
            made: (batch, samples) at 24 kHz; from 1.6 s on in whole parts of 1.6 s, what is left over not counting.
            wanted: (256,) or (batch, 256), unit norm.

        Returns:
            float32 (), the mean over the batch.
        """
        with torch.autocast(made.device.type, enabled=False):
            heard = self._embeddings(made.float())
            return (1 - (heard * wanted).sum(dim=-1)).mean()

    def _embeddings(self, samples: Tensor) -> Tensor:
        """(batch, samples) → (batch, 256), unit norm."""
        level = samples.detach().square().mean(dim=1, keepdim=True).sqrt()
        raised = samples * (_QUIETEST / (level + 1e-6)).clamp(min=1)
        spectrum = torch.stft(raised, _SPEAKER_FFT, _SPEAKER_HOP, window=self.window, return_complex=True)
        power = spectrum[:, : self.filters.shape[1]].abs().square() * (SPEAKER_RATE / SAMPLE_RATE) ** 2
        mels = (self.filters @ power).transpose(1, 2)
        parts = max(1, mels.shape[1] // PARTIAL_FRAMES)
        length = min(mels.shape[1], PARTIAL_FRAMES)
        partials = mels[:, : parts * length].reshape(-1, length, mels.shape[2])
        mean = self.encoder(partials).unflatten(0, (len(samples), parts)).mean(dim=1)
        return functional.normalize(mean, dim=-1)


class TuneLoss(nn.Module):
    """How much of the sound does not repeat with the period that was asked for, 0 to about 1.

    That is 1 minus the autocorrelation at that period, of a spectrum whose peaks are flattened, so that strong
    harmonics do not decide it alone (Tolonen & Karjalainen, IEEE Trans. Speech and Audio Processing 2000).
    """

    window: Tensor
    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        frequencies = torch.arange(_TUNE_WINDOW // 2 + 1) * (SAMPLE_RATE / _TUNE_WINDOW)
        lowest, highest = _TUNE_BAND_HZ
        self.bins = slice(int((frequencies < lowest).sum()), int((frequencies <= highest).sum()))
        self.register_buffer("window", torch.hann_window(_TUNE_WINDOW), persistent=False)
        self.register_buffer("frequencies", frequencies[self.bins], persistent=False)

    def forward(self, made: Tensor, f0: Tensor) -> Tensor:
        """Compare.

        Args:
            made: (batch, samples) at 24 kHz.
            f0: (batch, frames), Hz, 80 a second; 0 where unvoiced.

        Returns:
            float32 (), the mean over the frames in the midst of voiced ones; 0 where there are none.
        """
        with torch.autocast(made.device.type, enabled=False):
            hop = SAMPLE_RATE // CURVE_RATE
            spectrum = torch.stft(made.float(), _TUNE_WINDOW, hop, window=self.window, return_complex=True)
            magnitudes = spectrum[:, self.bins, : f0.shape[1]].abs()
            period = 1 / f0.clamp(min=_TUNE_BAND_HZ[0])
            waves = torch.cos(2 * torch.pi * self.frequencies[None, :, None] * period[:, None])
            repeating = (magnitudes * waves).sum(dim=1) / (magnitudes.sum(dim=1) + _LEAST_MAGNITUDE)
            around = functional.pad(f0, (_TUNE_MARGIN, _TUNE_MARGIN)).unfold(1, 2 * _TUNE_MARGIN + 1, 1)
            inside = (around.amin(dim=-1) > 0).float()
            return ((1 - repeating) * inside).sum() / inside.sum().clamp(min=1)


def _log_distance(one: Tensor, other: Tensor, floor: float) -> Tensor:
    return ((one + floor).log() - (other + floor).log()).abs().mean()
