"""How loud: integrated loudness by ITU-R BS.1770-4, and the true peak between the samples.

Both work in blocks, so that a ten-minute song costs a few megabytes beside itself. (pyloudnorm measures the
same and the tests compare with it; it needs several copies in double precision, and refuses silence, short
sounds and 5.1.)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from auto_voice.audio.signal import Audio, Samples

_BLOCK_SECONDS, _HOP_SECONDS = 0.4, 0.1
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
# Channel weights in the order of WAV files; the low-frequency channel does not count, surrounds count 1.5 dB
# more.
_WEIGHTS = {
    5: (1.0, 1.0, 1.0, 1.41, 1.41),
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41),
}
# Up to 96 kHz the samples are too far apart to see every peak.
_OVERSAMPLING, _DENSE_RATE = 4, 96_000
_SINC_ZEROS = 16
_BLOCK_FRAMES = 1 << 18


def integrated_loudness(audio: Audio) -> float:
    """Gated loudness of the whole sound in LUFS; -inf for silence and below one block of 0.4 s."""
    hop = round(_HOP_SECONDS * audio.sample_rate)
    steps = round(_BLOCK_SECONDS / _HOP_SECONDS)
    energy = _hop_energy(audio, hop)
    if len(energy) < steps:
        return -math.inf
    power = np.convolve(energy, np.ones(steps), mode="valid") / (steps * hop)
    loud = power[power > _power(_ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return -math.inf
    gated = loud[loud > loud.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
    return float(-0.691 + 10 * np.log10(gated.mean()))


def true_peak(audio: Audio) -> float:
    """Highest level at and between the samples of all channels, dB full scale; -inf for silence."""
    peak = max((float(block.max()) for block in peak_envelope(audio)), default=0.0)
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def peak_envelope(audio: Audio) -> Iterator[Samples]:
    """Per frame, the highest magnitude at it and up to its neighbours, over all channels, in blocks.

    Four-fold oversampling as in annex 2 of BS.1770-4, with a longer filter; none from 96 kHz on.
    """
    x = audio.samples
    if audio.sample_rate >= _DENSE_RATE:
        for start in range(0, audio.frames, _BLOCK_FRAMES):
            yield np.abs(x[:, start : start + _BLOCK_FRAMES]).max(axis=0)
        return
    context = _SINC_ZEROS + 1
    for start in range(0, audio.frames, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, audio.frames)
        left, right = max(0, start - context), min(audio.frames, stop + context)
        envelope = np.abs(x[:, left:right]).max(axis=0)
        for row in x[:, left:right]:
            for taps in _interpolators():
                between = np.abs(np.convolve(row, taps)[_SINC_ZEROS : _SINC_ZEROS + len(row)])
                # A point between two frames counts for both of them.
                np.maximum(envelope, between, out=envelope)
                np.maximum(envelope[1:], between[:-1], out=envelope[1:])
        yield envelope[start - left : stop - left]


@functools.lru_cache(maxsize=1)
def _interpolators() -> Samples:
    """One filter for each point between two frames: windowed sincs, shape (points, taps)."""
    points = np.arange(1, _OVERSAMPLING)[:, None] / _OVERSAMPLING
    time = np.arange(-_SINC_ZEROS, _SINC_ZEROS) + points
    window = np.i0(7.0 * np.sqrt(1 - np.square(time / _SINC_ZEROS))) / np.i0(7.0)
    filters: Samples = (np.sinc(time) * window).astype(np.float32)
    return filters


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _hop_energy(audio: Audio, hop: int) -> NDArray[np.float64]:
    """Weighted energy of the K-weighted sound in every whole hop."""
    filters = _k_weighting(audio.sample_rate)
    weights = np.asarray(_WEIGHTS.get(audio.channels, (1.0,) * audio.channels))
    state = np.zeros((len(filters), audio.channels, 2))
    hops = audio.frames // hop
    hops_at_once = max(1, _BLOCK_FRAMES // hop)
    energy = np.empty(hops)
    for first in range(0, hops, hops_at_once):
        last = min(first + hops_at_once, hops)
        block = audio.samples[:, first * hop : last * hop].astype(np.float64)
        block, state = sosfilt(filters, block, axis=-1, zi=state)
        per_hop = np.square(block).reshape(audio.channels, last - first, hop).sum(axis=-1)
        energy[first:last] = weights @ per_hop
    return energy


@functools.lru_cache(maxsize=16)
def _k_weighting(rate: int) -> NDArray[Any]:
    """The two filters of BS.1770-4 at any rate: its tables hold for 48 kHz only.

    From the analogue prototypes behind those tables (a shelf of +4 dB at 1.68 kHz, a high-pass at 38 Hz) by
    the bilinear transform; B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement",
    AES 2018.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / q + k * k) / a0,
    ]
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])
