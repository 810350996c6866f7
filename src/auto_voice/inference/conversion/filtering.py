"""Recolouring a recording: its own waveform through a filter that changes from frame to frame.

No vocoder: stereo image, room, breath and everything above the analysed band stay the recording's own.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from auto_voice.audio import Audio, Samples
from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.envelope import FRAMES_PER_SECOND, Cepstra, cosines_at, interpolate_frames

_CHUNK_FRAMES = 1000
_CONTEXT_FRAMES = 8
_MAX_LOG_GAIN = 2.8
"""24 dB, as natural log of amplitude: more than that would raise noise to the surface."""

_BAND_EDGE_HZ = 7500.0
_BAND_REFERENCE_HZ = (5500.0, 7300.0)
"""Above the edge, where many recordings have nothing to learn from, the gain is this region's mean."""
_MAX_LOG_GAIN_ABOVE = 0.7
"""6 dB: up there is often nothing but noise, which a brighter voice would raise with the rest."""

_LEVEL_WINDOW_SECONDS = 0.050
_LEVEL_CHUNK_SECONDS = 10
_MAX_LEVEL_GAIN = 8.0
_SILENCE = 1e-5
"""RMS of −100 dBFS: what is this quiet has no level to restore."""


def apply_envelope_change(audio: Audio, change: Cepstra, progress: Progress = no_progress) -> Audio:
    """Filter every channel by the same changing gain.

    Args:
        audio: any rate, channels and length.
        change: cepstra of the log power gain, one every 10 ms of `audio`.
        progress: called once for every ten seconds of audio.

    Returns:
        Same rate, channels and length.
    """
    rate = audio.sample_rate
    hop = max(1, round(rate / FRAMES_PER_SECOND))
    fft = 1 << (4 * hop - 1).bit_length()
    window = torch.hann_window(4 * hop)
    basis = _gain_basis(rate, fft)
    edge = int(_BAND_EDGE_HZ * fft / rate) + 1
    result = np.empty_like(audio.samples)
    chunk, context = _CHUNK_FRAMES * hop, _CONTEXT_FRAMES * hop
    for start in range(0, audio.frames, chunk):
        progress(start / audio.frames)
        # Chunks overlap by more than a window on each side and are cut where both are whole.
        first = max(0, start - context)
        piece = torch.from_numpy(np.ascontiguousarray(audio.samples[:, first : start + chunk + context]))
        spectrum = torch.stft(piece, fft, hop, 4 * hop, window, pad_mode="constant", return_complex=True)
        times = (first + hop * np.arange(spectrum.shape[2])) / rate
        gain = torch.from_numpy(interpolate_frames(change, times * FRAMES_PER_SECOND) @ basis).T
        gain = gain.clamp(-_MAX_LOG_GAIN, _MAX_LOG_GAIN)
        gain[edge:] = gain[edge:].clamp(-_MAX_LOG_GAIN_ABOVE, _MAX_LOG_GAIN_ABOVE)
        spectrum *= torch.exp(gain)
        filtered = torch.istft(spectrum, fft, hop, 4 * hop, window, length=piece.shape[1])
        end = min(start + chunk, audio.frames)
        result[:, start:end] = filtered[:, start - first : end - first].numpy()
    progress(1.0)
    return Audio(result, rate)


def restore_loudness(audio: Audio, reference: Audio) -> Audio:
    """Give `audio` the level that `reference` has at each moment (50 ms), the same gain for all channels."""
    width = max(1, round(_LEVEL_WINDOW_SECONDS * audio.sample_rate))
    result = np.empty_like(audio.samples)
    chunk, context = _LEVEL_CHUNK_SECONDS * audio.sample_rate, 2 * width
    for start in range(0, audio.frames, chunk):
        # What a level is made of reaches one width to each side, so that chunks give what the whole would.
        first, end = max(0, start - context), min(start + chunk, audio.frames)
        around = slice(first, end + context)
        wanted, given = (
            _running_level(reference.samples[:, around], width),
            _running_level(audio.samples[:, around], width),
        )
        gain = np.minimum(wanted / np.maximum(given, _SILENCE), _MAX_LEVEL_GAIN)
        np.multiply(audio.samples[:, start:end], gain[start - first : end - first], out=result[:, start:end])
    return Audio(result, audio.sample_rate)


def _running_level(samples: Samples, width: int) -> Samples:
    """RMS over all channels in a window of `width` samples, (channels, frames) → (frames,)."""
    power = np.einsum("cf,cf->f", samples, samples) / len(samples)
    # Twice a box is a triangle: its gain has no steps that could be heard as clicks.
    smooth = uniform_filter1d(uniform_filter1d(power, width, mode="nearest"), width, mode="nearest")
    level: Samples = np.sqrt(np.maximum(smooth, 0.0))
    return level


def _gain_basis(rate: int, fft: int) -> NDArray[np.float32]:
    """(ORDER, fft // 2 + 1): cepstra of a power gain @ basis is the log amplitude gain of each bin."""
    hz = np.arange(fft // 2 + 1) * rate / fft
    low, high = _BAND_REFERENCE_HZ
    above = cosines_at(np.linspace(low, high, 50)).mean(axis=1, keepdims=True)
    within = cosines_at(np.minimum(hz, _BAND_EDGE_HZ))
    return np.asarray(np.where(hz <= _BAND_EDGE_HZ, within, above) * 0.5, np.float32)
