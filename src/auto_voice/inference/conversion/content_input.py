"""What the content mapper is shown: Whisper's layers on the decoder's clock, free of the recording's own colour.

Training and conversion both come through here, so that the network meets in use what it met in training.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, resample_samples
from auto_voice.features import ContentFeatures

FRAME_SECONDS = 1 / 40
"""The decoder's content frames."""

_RATE = 16_000
_WINDOW_SECONDS = 0.025
_QUIET_DB = 30.0
_LOUD_PERCENTILE = 95
_LEAST_SPREAD = 1e-2
_ROUNDING = 1e-2  # of a frame


def active_frames(sound: Audio, content: ContentFeatures) -> NDArray[np.bool_]:
    """Which frames of `content` are within 30 dB of the loud parts of the sound it was heard in; (frames,)."""
    samples = resample_samples(sound.mono(), sound.sample_rate, _RATE)
    hop, window = round(content.hop_seconds * _RATE), round(_WINDOW_SECONDS * _RATE)
    count = content.frames.shape[1]
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centres = np.round((np.arange(count) + 0.5) * hop).astype(np.int64)
    first, end = (np.clip(centres + side, 0, len(samples)) for side in (-window // 2, window // 2))
    power = (sums[end] - sums[first]) / window
    loud = np.percentile(power, _LOUD_PERCENTILE)
    return np.asarray(power > loud * 10 ** (-_QUIET_DB / 10))


def mapper_input(
    content: ContentFeatures, active: NDArray[np.bool_], frame_seconds: float = FRAME_SECONDS
) -> NDArray[np.float32]:
    """Each layer and dimension with mean 0 and spread 1 over the active frames, on frames of 25 ms.

    Args:
        content: (layers, frames, dimensions) of a whole recording.
        active: bool (frames,), see `active_frames`.
        frame_seconds: length of a frame of the result; another one where the recording runs faster or slower
            than what it stands for.

    Returns:
        float32 (⌊seconds / frame_seconds⌋, layers × dimensions); frame i is centred at (i + 0.5) × frame_seconds.
    """
    layers, frames, width = content.frames.shape
    wanted = int(frames * content.hop_seconds / frame_seconds + _ROUNDING)
    places = np.clip((np.arange(wanted) + 0.5) * frame_seconds / content.hop_seconds - 0.5, 0, frames - 1)
    before = places.astype(np.int64)
    after = np.minimum(before + 1, frames - 1)
    share = (places - before).astype(np.float32)[:, None]
    result = np.empty((wanted, layers * width), np.float32)
    for index, layer in enumerate(content.frames):
        chosen = layer[active].astype(np.float32) if active.any() else layer.astype(np.float32)
        centred = (layer - chosen.mean(axis=0)) / (chosen.std(axis=0) + np.float32(_LEAST_SPREAD))
        part = result[:, index * width : (index + 1) * width]
        np.multiply(centred[before], 1 - share, out=part)
        part += centred[after] * share
    return result
