"""Songs of any rate and number of channels for networks that know one rate and stereo."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.features import Progress, Stems
from auto_voice.inference.separation.windows import process_in_windows

NETWORK_RATE = 44100
_FFT_SIZE = 4096
_HOP = 1024

StereoVocals = Callable[[Samples, Progress], Samples]
"""Estimates the vocals of 44.1 kHz stereo: (2, n) → (2, n)."""


def separate_with(
    stereo_vocals: StereoVocals,
    model: str,
    mix: Audio,
    *,
    window_seconds: int,
    overlap_seconds: int,
    progress: Progress,
    warnings: tuple[str, ...] = (),
) -> Stems:
    """Take a song apart with a 44.1 kHz stereo network.

    Windows last whole seconds, so that they hold whole numbers of samples at both rates; none is longer than a short
    song needs. Whatever lies above the network's band is left in the accompaniment.
    """
    rate = mix.sample_rate
    seconds = min(window_seconds, max(math.ceil(mix.duration), 1))
    window, overlap = seconds * rate, min(overlap_seconds * rate, seconds * rate // 2)

    def process(part: Samples, window_progress: Progress) -> Samples:
        resampled = resample_samples(part, rate, NETWORK_RATE)[:, : seconds * NETWORK_RATE]
        vocals = _vocals_of_any_layout(resampled, lambda stereo: stereo_vocals(stereo, window_progress))
        return resample_samples(vocals, NETWORK_RATE, rate)[:, : part.shape[1]]

    vocals = process_in_windows(mix.samples, window, overlap, process, progress)
    return Stems(
        vocals=Audio(vocals, rate),
        accompaniment=Audio(mix.samples - vocals, rate),
        model=model,
        warnings=warnings,
    )


def _vocals_of_any_layout(samples: Samples, stereo_vocals: Callable[[Samples], Samples]) -> Samples:
    """Mono is heard from both sides; more than two channels through a stereo mix of them."""
    if samples.shape[0] == 2:
        return stereo_vocals(samples)
    if samples.shape[0] == 1:
        both_sides = stereo_vocals(np.repeat(samples, 2, axis=0))
        mono: Samples = both_sides.mean(axis=0, keepdims=True, dtype=np.float32)
        return mono
    # The front pair, with what the other channels hold in the middle: a centre channel has most of the voice.
    stereo = samples[:2] + samples[2:].mean(axis=0)
    return _apply_share(samples, stereo, stereo_vocals(stereo))


def _apply_share(samples: Samples, stereo: Samples, vocals: Samples) -> Samples:
    """Give every channel the share of vocals that its stereo mix has, time by time and frequency by frequency."""
    window = torch.hann_window(_FFT_SIZE)

    def spectrum(x: Samples) -> torch.Tensor:
        return torch.stft(torch.from_numpy(x), _FFT_SIZE, _HOP, window=window, pad_mode="constant", return_complex=True)

    power = spectrum(stereo).abs().square().sum(0)
    share = (spectrum(vocals).abs().square().sum(0) / power.clamp(min=1e-10)).sqrt().clamp(max=1.0)
    shared = torch.istft(spectrum(samples) * share, _FFT_SIZE, _HOP, window=window, length=samples.shape[1])
    return shared.numpy()
