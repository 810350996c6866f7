"""How good a recording of a voice is: noise, clipping, bandwidth; what is refused, what is remarked on.

The figures in the comments were measured on six LibriSpeech readers, four solo singers and four songs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from auto_voice.audio import Audio, Samples
from auto_voice.errors import LowQualityAudioError
from auto_voice.inference.recordings.speech_activity import SAMPLE_RATE, WINDOW
from auto_voice.inference.recordings.voice_windows import Mask, band_power

MINIMUM_SNR_DB = 15.0
"""Below this the noise becomes part of the voice. Songs stay below it, by the music in their pauses."""
GOOD_SNR_DB = 25.0
"""Below this a recording is used, with a remark."""
MAXIMUM_SNR_DB = 80.0
"""Pauses silenced by a gate or an editor hold no noise at all; the figure ends here."""
MAXIMUM_CLIPPING = 0.01
"""Share of the voice's samples cut off at full scale beyond which it is refused: about 10 dB of overdrive."""
NOTICEABLE_CLIPPING = 0.001
"""Share of cut-off samples that is remarked on: about 6 dB of overdrive."""
NARROW_BANDWIDTH_HZ = 5500.0
"""A voice that ends below this came through a telephone or the like."""

_SILENCE_PEAK = 1e-3
_TAIL_WINDOWS = (8, 4, 2)
_PAUSE_WINDOWS = 16
_DIGITAL_SILENCE = 1e-9
_QUIETEST_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class RecordingQuality:
    """What was measured on one recording.

    Attributes:
        duration_seconds: of the whole recording.
        voice_seconds: of which somebody speaks or sings.
        snr_db: mean power of the voice over that of the noise, 80–8000 Hz; −20 to MAXIMUM_SNR_DB.
        clipping_ratio: share of the voice's samples that were cut off, 0–1.
        bandwidth_hz: where the voice's spectrum ends.
    """

    duration_seconds: float
    voice_seconds: float
    snr_db: float
    clipping_ratio: float
    bandwidth_hz: float

    @property
    def score(self) -> float:
        """Quality as one number, 0–1: the product of four factors.

        Noise: 0.3 at 15 dB, 1 from 35 dB on. Clipping: 1 without any, 0.5 at the limit. Bandwidth: 0.7 at
        3.4 kHz, 1 from 8 kHz on. Length: 0.8 at 20 s of voice, 1 from 60 s on.
        """
        noise = np.interp(self.snr_db, [0.0, MINIMUM_SNR_DB, 35.0], [0.0, 0.3, 1.0])
        clipping = np.interp(self.clipping_ratio, [0.0, MAXIMUM_CLIPPING, 0.1], [1.0, 0.5, 0.0])
        bandwidth = np.interp(self.bandwidth_hz, [3400.0, 7500.0], [0.7, 1.0])
        length = np.interp(self.voice_seconds, [0.0, 20.0, 60.0], [0.0, 0.8, 1.0])
        return float(noise * clipping * bandwidth * length)


def measure(recording: Audio, voice: Mask) -> RecordingQuality:
    """Measure a recording in which voice was found.

    Args:
        recording: mono, any rate.
        voice: its windows with voice, as `find_voice` gives them, at least one of them true.
    """
    samples = recording.samples[0]
    window = (np.arange(samples.size) * (SAMPLE_RATE / WINDOW / recording.sample_rate)).astype(np.int64)
    spoken = samples[voice[np.minimum(window, voice.size - 1)]]
    return RecordingQuality(
        duration_seconds=recording.duration,
        voice_seconds=float(voice.sum()) * WINDOW / SAMPLE_RATE,
        snr_db=_signal_to_noise(band_power(recording), voice),
        clipping_ratio=clipping_ratio(spoken),
        bandwidth_hz=bandwidth(spoken, recording.sample_rate),
    )


def combine(each: Sequence[RecordingQuality]) -> RecordingQuality:
    """Several recordings as one: times add up; the rest are means, weighted by how much voice each has."""
    weights = [quality.voice_seconds for quality in each]

    def mean(values: Sequence[float]) -> float:
        return float(np.average(values, weights=weights))

    return RecordingQuality(
        duration_seconds=sum(quality.duration_seconds for quality in each),
        voice_seconds=sum(weights),
        snr_db=mean([quality.snr_db for quality in each]),
        clipping_ratio=mean([quality.clipping_ratio for quality in each]),
        bandwidth_hz=mean([quality.bandwidth_hz for quality in each]),
    )


def no_voice(recording: Audio, *, separated: bool) -> LowQualityAudioError:
    """The error for a recording in which nobody speaks or sings words."""
    peak = float(np.abs(recording.samples).max(initial=0.0))
    if peak < _SILENCE_PEAK:
        return LowQualityAudioError(
            "the recording is silent", suggestions=["Check that the right microphone is on and not muted."]
        )
    return LowQualityAudioError(
        "no vocals were found in the song" if separated else "no voice was found in the recording",
        suggestions=[
            "Record speech, or singing with words, with little else in the background.",
            *_song_advice(separated),
        ],
    )


def refuse(quality: RecordingQuality, *, separated: bool) -> None:
    """Turn away what no voice can be learnt from.

    Raises:
        LowQualityAudioError: too clipped or too noisy; says how much, and what to do.
    """
    if quality.clipping_ratio > MAXIMUM_CLIPPING:
        raise LowQualityAudioError(
            f"the recording is clipped: {quality.clipping_ratio:.1%} of the voice is cut off at full scale",
            suggestions=["Record again with the input level turned down until the meter stays out of the red."],
        )
    if quality.snr_db < MINIMUM_SNR_DB:
        advice = "Record in a quiet room, a hand's length from the microphone, with fans and music off."
        raise LowQualityAudioError(
            f"the voice stands only {quality.snr_db:.0f} dB above the noise or music behind it;"
            f" at least {MINIMUM_SNR_DB:.0f} dB are needed",
            suggestions=[advice, *_song_advice(separated)],
        )


def remarks(quality: RecordingQuality) -> list[str]:
    """Sentences for the user about a recording that works but could be better, each with its remedy."""
    found = []
    if quality.snr_db < GOOD_SNR_DB:
        found.append(
            f"There is some noise ({quality.snr_db:.0f} dB below the voice): a quieter room or a closer"
            " microphone would make the copy cleaner."
        )
    if quality.clipping_ratio > NOTICEABLE_CLIPPING:
        found.append("Loud parts are clipped: turn the input level down a little.")
    if quality.bandwidth_hz < NARROW_BANDWIDTH_HZ:
        found.append(
            f"The voice ends at {quality.bandwidth_hz / 1000:.1f} kHz, as over a telephone: a recording at"
            " 44.1 kHz would make the copy brighter."
        )
    return found


def clipping_ratio(samples: Samples) -> float:
    """Share of samples in flat tops: three or more in a row, near the largest value, that hardly differ.

    Found by flatness, not by full scale, so that clipping also shows after the level was turned down. MP3
    and the like round the tops off; what was clipped before such encoding is not found.
    """
    magnitude = np.abs(samples)
    # A click may stand far above everything else; what counts is the top that the voice reaches often.
    top = float(np.percentile(magnitude, 99.95)) if samples.size >= 3 else 0.0
    if top == 0.0:
        return 0.0
    high = magnitude >= 0.9 * top
    same = (np.abs(np.diff(samples)) <= 1.5e-4 * top) & high[:-1] & high[1:]
    middle = same[:-1] & same[1:]
    flat = np.zeros(samples.size, np.bool_)
    for shift in range(3):
        flat[shift : shift + middle.size] |= middle
    return float(flat.mean())


def _song_advice(separated: bool) -> list[str]:
    return [] if separated else ["If this is a song, have its vocals separated first (--from-song)."]


def _signal_to_noise(power: NDArray[np.float64], voice: Mask) -> float:
    """Voice over noise, dB.

    The noise is the median power of the pauses, so that a breath or a click does not count: within 0.5 dB of the truth
    for steady noise at 5–30 dB. Without half a second of pauses it is the power of each frequency's quietest moments
    instead (minimum statistics: Martin, 2001), which reads 1–6 dB low.
    """
    level = power.sum(axis=1)
    noise = _noise_in_pauses(level, voice)
    if noise is None:
        quietest = np.percentile(power[voice], 100 * _QUIETEST_SHARE, axis=0)
        # The power of noise is exponentially distributed: its lowest twentieth lies below 0.051 of its mean.
        noise = float(quietest.sum()) / -np.log1p(-_QUIETEST_SHARE)
    together = float(level[voice].mean())
    ratio = (together - noise) / max(noise, together * 1e-12)
    return float(np.clip(10 * np.log10(max(ratio, 1e-2)), -20.0, MAXIMUM_SNR_DB))


def _noise_in_pauses(level: NDArray[np.float64], voice: Mask) -> float | None:
    """Median power of the pauses; None where there are none to speak of.

    It is taken a quarter of a second from any voice, where the room's echo has gone, or nearer where pauses are short.
    """
    for tail in _TAIL_WINDOWS:
        pause = ~binary_dilation(voice, iterations=tail)
        live = pause & (level > level.max() * _DIGITAL_SILENCE)
        if live.sum() >= _PAUSE_WINDOWS:
            return float(np.median(level[live]))
        if pause.sum() >= _PAUSE_WINDOWS:
            return 0.0
    return None


def bandwidth(spoken: Samples, rate: int) -> float:
    """Highest frequency at which the loudest twentieth of the voice comes within 60 dB of its strongest."""
    size = 2048
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(spoken, (0, size)), size)[::size]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)))
    loudest = np.percentile(power, 95, axis=0)
    return float(np.flatnonzero(loudest >= loudest.max() * 1e-6)[-1] * rate / size)
