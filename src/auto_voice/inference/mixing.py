"""Put the converted vocals back where the original ones were: same level, same place, same song.

Everything works in blocks of a second, so that a long song needs no memory beyond its own samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from auto_voice.audio import Audio, integrated_loudness, limit_true_peak
from auto_voice.errors import ConversionFailedError
from auto_voice.features import Progress, no_progress

TRUE_PEAK_CEILING_DBTP = -1.0
_SECTION_SECONDS = 3  # the window of EBU Tech 3341's short-term loudness
_FLOOR_POWER = 10 ** (-70 / 10)  # below −70 dBFS no level is matched: there is nothing to hear
_HIGHEST_GAIN = 4.0  # +12 dB: a converter that lost more than this has lost the voice, not its level


def match_level(converted: Audio, original: Audio, progress: Progress = no_progress) -> Audio:
    """Give the converted vocals the level and the stereo balance that the original vocals have.

    The gain of each channel follows the ratio of power over sliding three-second sections, so a drift of
    level or of balance is undone while syllables keep their dynamics; then the whole is set to the original's
    integrated loudness (ITU-R BS.1770). Where the original is silent the gain can only fall.

    Args:
        converted: vocals of the converter, of the original's rate, channels and length.
        original: vocals of the song.
        progress: called while it works; raising cancels.

    Returns: vocals of the same shape, not yet limited.

    Raises:
        ConversionFailedError: the converted vocals have another shape, or are not finite.

    """
    if converted.sample_rate != original.sample_rate or converted.samples.shape != original.samples.shape:
        raise ConversionFailedError("the converted vocals do not have the rate, channels and length of the song")
    was, now = _section_power(original), _section_power(converted)
    if not np.isfinite(now).all():
        raise ConversionFailedError("the converted vocals contain samples that are not numbers")
    progress(0.2)
    gains = np.sqrt((was + _FLOOR_POWER) / (now + _FLOOR_POWER)).clip(0.0, _HIGHEST_GAIN)
    levelled = np.empty_like(converted.samples)
    centres = (np.arange(gains.shape[1]) + 0.5) * converted.sample_rate
    for block in _blocks(converted):
        clock = np.arange(block.start, block.stop)
        for channel, curve in enumerate(gains):
            levelled[channel, block] = converted.samples[channel, block] * np.interp(clock, centres, curve)
    progress(0.5)
    difference = integrated_loudness(original) - integrated_loudness(Audio(levelled, converted.sample_rate))
    if np.isfinite(difference):  # neither is silent
        levelled *= np.float32(min(10 ** (difference / 20), _HIGHEST_GAIN))
    progress(1.0)
    return Audio(levelled, converted.sample_rate)


def mix(
    vocals: Audio,
    accompaniment: Audio,
    vocal_volume: float = 1.0,
    instrumental_volume: float = 0.9,
    progress: Progress = no_progress,
) -> Audio:
    """Sum vocals and accompaniment, each at its volume (0–2, linear), and limit the true peak to −1 dBTP.

    Many songs are mastered above −1 dBTP; their conversions come out limited to it all the same, because what
    is above it may clip when played or encoded.

    Returns: the mix, of the stems' rate, channels and length.
    """
    mixed = np.empty_like(accompaniment.samples)
    for block in _blocks(accompaniment):
        np.multiply(accompaniment.samples[:, block], np.float32(instrumental_volume), out=mixed[:, block])
        mixed[:, block] += vocals.samples[:, block] * np.float32(vocal_volume)
    progress(0.4)
    limited = limit_true_peak(Audio(mixed, accompaniment.sample_rate), TRUE_PEAK_CEILING_DBTP)
    progress(1.0)
    return limited


def _blocks(audio: Audio) -> Iterator[slice]:
    for start in range(0, audio.frames, audio.sample_rate):
        yield slice(start, min(start + audio.sample_rate, audio.frames))


def _section_power(audio: Audio) -> NDArray[np.float64]:
    """Mean power around each second, over `_SECTION_SECONDS`: (channels, seconds)."""
    blocks = [audio.samples[:, block] for block in _blocks(audio)]
    energy = np.stack([np.einsum("cn,cn->c", block, block, dtype=np.float64) for block in blocks], axis=1)
    frames = np.array([[block.shape[1] for block in blocks]], np.float64)
    return _sum_around(energy) / _sum_around(frames)


def _sum_around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value plus its neighbours within the section: (rows, n) → (rows, n)."""
    reach = _SECTION_SECONDS // 2
    padded = np.pad(values, ((0, 0), (reach, reach)))
    return np.asarray(sliding_window_view(padded, _SECTION_SECONDS, axis=1).sum(axis=-1))
