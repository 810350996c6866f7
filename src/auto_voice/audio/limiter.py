"""A look-ahead limiter on the true peak: it acts before the peak comes, and nobody hears it act."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import oaconvolve

from auto_voice.audio.loudness import peak_envelope, true_peak
from auto_voice.audio.signal import Audio, Samples

_LOOK_AHEAD_SECONDS = 0.005
_RELEASE_DB_PER_SECOND = 60.0
_BLOCK_FRAMES = 1 << 18
# Aim this far below the ceiling: a gain that moves shifts the peaks between samples by a hair.
_MARGIN_DB = 0.02
# Less is the rounding of the convolution: where nothing is to be reduced, no bit changes.
_INAUDIBLE_DB = 1e-4
_FLOOR = 1e-9  # keeps the logarithm of silence finite


def limit_true_peak(audio: Audio, ceiling_dbtp: float = -1.0) -> Audio:
    """Bring the true peak down to `ceiling_dbtp` where it is higher, and leave everything else as it is.

    All channels get the same gain, so the stereo image stays. The gain falls over 5 ms before a peak along a
    raised cosine and recovers by 60 dB a second. `audio` itself is returned when it is below the ceiling
    already.

    Args:
        audio: any sound.
        ceiling_dbtp: highest true peak of the result, dB relative to full scale.
    """
    peak_db, reduction = _reduction(audio, ceiling_dbtp - _MARGIN_DB)
    if peak_db <= ceiling_dbtp:
        return audio
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


def _reduction(audio: Audio, ceiling_db: float) -> tuple[float, Samples]:
    """The true peak in dB and, per frame, the reduction in dB that it or the release of a peak asks for.

    The release is linear in dB, so its recursion max(own, previous - step) is a running maximum of a tilted
    line.
    """
    step = _RELEASE_DB_PER_SECOND / audio.sample_rate
    reduction = np.empty(audio.frames, np.float32)
    carried, position, highest = 0.0, 0, -np.inf
    for envelope in peak_envelope(audio):
        own = 20 * np.log10(np.maximum(envelope, _FLOOR, dtype=np.float64)) - ceiling_db
        highest = max(highest, float(own.max()) + ceiling_db)
        own[0] = max(own[0], carried - step)
        tilt = step * np.arange(len(own))
        decayed = np.maximum.accumulate(own + tilt) - tilt
        reduction[position : position + len(own)] = np.maximum(decayed, 0.0)
        carried, position = float(decayed[-1]), position + len(own)
    return highest, reduction
    return reduction


def _gain(needed: Samples, window: Samples) -> NDArray[np.float32]:
    """The smooth gain of a block from the reduction in dB needed in it and `reach` frames to both sides.

    Each frame takes the highest reduction of the `reach` frames ahead, then the average over the `reach`
    frames behind: every value averaged covers the frame itself, so its own need is always met.
    """
    reach = len(window) - 1
    ahead = maximum_filter1d(needed, reach + 1, origin=-((reach + 1) // 2), mode="constant")
    smooth = oaconvolve(ahead, window, mode="valid")[: len(needed) - 2 * reach]
    smooth[smooth < _INAUDIBLE_DB] = 0.0
    return np.asarray(10 ** (smooth / -20), dtype=np.float32)
