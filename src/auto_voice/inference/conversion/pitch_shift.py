"""Moving the pitch and leaving the voice as it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from auto_voice.audio import Audio, Samples
from auto_voice.features import PitchContour, Progress, no_progress

_UNVOICED_HZ = 100.0
_LOWEST_HZ = 50.0
_SMOOTHING_SECONDS = 1 / 1800
_SEARCH = 0.2
_THINNEST_COVER = 0.35
"""Where hardly a grain reaches, dividing by what does would raise noise."""

_REPORT_EVERY = 2000


def shift_pitch(
    audio: Audio,
    contour: PitchContour,
    semitones: float | NDArray[np.float32],
    progress: Progress = no_progress,
) -> Audio:
    """Transpose a voice by pitch-synchronous overlap-add (TD-PSOLA; Moulines & Charpentier 1990).

    Grains of two periods are laid down closer together or further apart, so that formants and timing stay where
    they are; unvoiced sounds keep their spacing. The marks are found once for all channels: the image stays.

    Args:
        contour: of `audio`, before the shift.
        semitones: positive is up; one for the whole, or one for each frame of `contour`.

    Returns:
        Same rate, channels and length.
    """
    ratios = np.broadcast_to(np.asarray(2 ** (np.asarray(semitones) / 12), np.float32), max(1, len(contour.f0)))
    marks = list(_pitch_marks(audio, contour))
    result = np.zeros_like(audio.samples)
    cover = np.zeros(audio.frames, np.float32)
    nearest, time, grains = 0, 0.0, 0
    while marks and time < audio.frames:
        if grains % _REPORT_EVERY == 0:
            progress(min(1.0, time / audio.frames))
        grains += 1
        while nearest + 1 < len(marks) and abs(marks[nearest + 1][0] - time) <= abs(marks[nearest][0] - time):
            nearest += 1
        mark, period, voiced = marks[nearest]
        _lay_grain(audio.samples, result, cover, mark, round(time), period)
        frame = min(round(time / audio.sample_rate / contour.hop_seconds), len(ratios) - 1)
        time += period / ratios[frame] if voiced else period
    result /= np.maximum(cover, _THINNEST_COVER)
    progress(1.0)
    return Audio(result, audio.sample_rate)


def _pitch_marks(audio: Audio, contour: PitchContour) -> Iterator[tuple[int, int, bool]]:
    """Yield (sample, period in samples, voiced), one a period: on the wave's peak where there is voice."""
    rate = audio.sample_rate
    width = max(1, round(_SMOOTHING_SECONDS * rate))
    smooth = uniform_filter1d(uniform_filter1d(audio.mono(), width), width)
    position = 0
    while position < audio.frames:
        frame = min(round(position / rate / contour.hop_seconds), len(contour.f0) - 1)
        f0 = float(contour.f0[frame]) if frame >= 0 else 0.0
        period = max(2, round(rate / max(f0 or _UNVOICED_HZ, _LOWEST_HZ)))
        if f0 > 0:
            reach = max(1, round(period * _SEARCH))
            first = max(0, position - reach)
            position = first + int(np.argmax(smooth[first : position + reach + 1]))
        yield position, period, f0 > 0
        position += period


def _lay_grain(source: Samples, result: Samples, cover: Samples, mark: int, time: int, period: int) -> None:
    """Add two periods of `source` around `mark` to `result` around `time`, and their window to `cover`."""
    before = min(period, mark, time)
    after = min(period, source.shape[1] - mark, result.shape[1] - time)
    window = _grain_window(period)[period - before : period + after]
    result[:, time - before : time + after] += source[:, mark - before : mark + after] * window
    cover[time - before : time + after] += window


@lru_cache(maxsize=512)
def _grain_window(period: int) -> Samples:
    return np.hanning(2 * period + 1)[:-1].astype(np.float32)
