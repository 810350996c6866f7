"""A look-ahead limiter on the true peak: it acts before the peak comes, and nobody hears it act."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import fftconvolve

from auto_voice.audio.loudness import peak_envelope, true_peak
from auto_voice.audio.signal import Audio, Samples

_LOOK_AHEAD_SECONDS = 0.005
_RELEASE_DB_PER_SECOND = 60.0
_BLOCK_FRAMES = 1 << 18
# Aim this far below the ceiling: a gain that moves shifts the peaks between samples by a hair.
_MARGIN_DB = 0.02


def limit_true_peak(audio: Audio, ceiling_dbtp: float = -1.0) -> Audio:
    """Bring the true peak down to `ceiling_dbtp` where it is higher, and leave everything else as it is.

    All channels get the same gain, so the stereo image stays. The gain falls over 5 ms before a peak along a
    raised cosine and recovers by 60 dB a second. `audio` itself is returned when it is below the ceiling
    already.

    Args:
        audio: any sound.
        ceiling_dbtp: highest true peak of the result, dB relative to full scale.
    """
    if true_peak(audio) <= ceiling_dbtp:
        return audio
    reduction = _reduction(audio, ceiling_dbtp - _MARGIN_DB)
    reach = max(1, round(_LOOK_AHEAD_SECONDS * audio.sample_rate))
    window = np.hanning(reach + 3)[1:-1].astype(np.float32)
    window /= window.sum()
    samples = audio.samples.copy()
    for start in range(0, audio.frames, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, audio.frames)
        left, right = start - reach, stop + reach
        needed = reduction[max(0, left) : min(audio.frames, right)]
        if needed.any():
            needed = np.pad(needed, (max(0, -left), max(0, right - audio.frames)))
            samples[:, start:stop] *= _gain(needed, window)
    limited = Audio(samples, audio.sample_rate)
    excess_db = true_peak(limited) - ceiling_dbtp
    if excess_db > 0:
        samples *= np.float32(10 ** (-excess_db / 20))
    return limited


def _reduction(audio: Audio, ceiling_db: float) -> Samples:
    """Per frame, the reduction in dB that its peak asks for, or what is left of an earlier one's.

    The release is linear in dB, so its recursion max(own, previous - step) is a running maximum of a tilted
    line.
    """
    step = _RELEASE_DB_PER_SECOND / audio.sample_rate
    reduction = np.empty(audio.frames, np.float32)
    carried, position = 0.0, 0
    for envelope in peak_envelope(audio):
        own = 20 * np.log10(np.maximum(envelope, 1e-9, dtype=np.float64)) - ceiling_db
        own[0] = max(own[0], carried - step)
        tilt = step * np.arange(len(own))
        decayed = np.maximum.accumulate(np.maximum(own, 0.0) + tilt) - tilt
        reduction[position : position + len(own)] = np.maximum(decayed, 0.0)
        carried, position = float(decayed[-1]), position + len(own)
    return reduction


def _gain(needed: Samples, window: Samples) -> NDArray[np.float32]:
    """The smooth gain of a block from the reduction in dB needed in it and `reach` frames to both sides.

    Each frame takes the highest reduction of the `reach` frames ahead, then the average over the `reach`
    frames behind: every value averaged covers the frame itself, so its own need is always met.
    """
    reach = len(window) - 1
    ahead = maximum_filter1d(needed, reach + 1, origin=-((reach + 1) // 2), mode="constant")
    smooth = fftconvolve(ahead, window, mode="valid")
    return np.asarray(10 ** (smooth[: len(needed) - 2 * reach] / -20), dtype=np.float32)
