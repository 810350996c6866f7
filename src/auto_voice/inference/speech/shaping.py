"""Sentences of one level, without silence at their ends or clicks between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples

LEVEL_DB = -21.0
"""RMS of the voiced parts of every sentence, dB of full scale."""

PEAK = 0.89
"""Highest sample: -1 dB of full scale."""

_MOST_GAIN_DB = 9.0
_EDGE_SECONDS = 0.03
_FADE_SECONDS = 0.005
_WINDOW_SECONDS = 0.02
_SILENCE_DB = -45.0  # below the loudest window


def shaped(speech: Audio, pause: float) -> Audio:
    """Trim the silence around a sentence, bring it to LEVEL_DB, and append `pause` seconds of silence.

    What is silent throughout comes back as the pause alone. Mono.
    """
    samples, rate = speech.mono(), speech.sample_rate
    window = max(1, round(_WINDOW_SECONDS * rate))
    power = np.array([np.mean(np.square(part)) for part in np.array_split(samples, max(1, len(samples) // window))])
    silence = np.zeros(round(pause * rate), dtype=np.float32)
    loud = power > power.max() * 10 ** (_SILENCE_DB / 10)
    if power.max() <= 1e-10:
        return Audio(silence[None], rate)
    bounds = np.linspace(0, len(samples), len(power) + 1).astype(int)
    first, last = np.flatnonzero(loud)[[0, -1]]
    edge = round(_EDGE_SECONDS * rate)
    kept = samples[max(0, bounds[first] - edge) : bounds[last + 1] + edge] * np.float32(_gain(power[loud], samples))
    return Audio(np.concatenate([_faded(kept, round(_FADE_SECONDS * rate)), silence])[None], rate)


def joined(parts: Sequence[Audio]) -> Audio:
    """One after the other."""
    return Audio(np.concatenate([part.samples for part in parts], axis=1), parts[0].sample_rate)


def _gain(power: NDArray[np.float32], samples: Samples) -> float:
    wanted = 10 ** (LEVEL_DB / 20) / np.sqrt(power.mean())
    most = 10 ** (_MOST_GAIN_DB / 20)
    return min(float(wanted), most, PEAK / float(np.abs(samples).max()))


def _faded(samples: Samples, length: int) -> Samples:
    length = min(length, len(samples) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    samples = samples.copy()
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return samples
