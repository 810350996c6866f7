"""Where in a recording there is voice, spoken or sung, on the clock of the speech detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, resample_samples
from auto_voice.features import PitchContour
from auto_voice.inference.recordings.speech_activity import SAMPLE_RATE, WINDOW, SpeechActivity, keep_touched

Mask = NDArray[np.bool_]
"""Windows with voice, bool (windows,); window i covers WINDOW samples at SAMPLE_RATE from i × WINDOW on."""

_FFT = 2 * WINDOW
_BAND_HZ = (80.0, 8000.0)
_SURE = 0.7
_SOFTER_THAN_SPEECH_DB = 20.0


def find_voice(recording: Audio, activity: SpeechActivity, contour: PitchContour, *, only_voice: bool = False) -> Mask:
    """Speech, and the held notes that hang on to it.

    A speech detector lets go of long vowels. A pitched stretch that touches speech and is not 20 dB softer than
    it (as hum or bleed would be) is the same voice going on. Pitch with no speech near it may be any instrument,
    and counts only with `only_voice`: where instruments were taken out before.
    """
    speech = activity.active
    if not speech.any() or not contour.f0.size:
        return speech
    level = band_power(recording).sum(axis=1)
    centres = (np.arange(speech.size) + 0.5) * activity.hop_seconds
    frame = np.minimum(np.round(centres / contour.hop_seconds).astype(np.int64), contour.f0.size - 1)
    pitched = contour.voiced[frame] & (contour.confidence[frame] >= _SURE)
    loud = level > np.median(level[speech]) * 10 ** (-_SOFTER_THAN_SPEECH_DB / 10)
    candidate: Mask = speech | (pitched & loud)
    return candidate if only_voice else keep_touched(candidate, by=speech)


def within(contour: PitchContour, voice: Mask) -> PitchContour:
    """The contour, unvoiced outside the windows with voice."""
    window = (np.arange(contour.f0.size) * (contour.hop_seconds * SAMPLE_RATE / WINDOW)).astype(np.int64)
    inside = voice[np.minimum(window, voice.size - 1)]
    return replace(contour, f0=np.where(inside, contour.f0, np.float32(0.0)))


def band_power(recording: Audio) -> NDArray[np.float64]:
    """Power between 80 Hz and 8 kHz, (windows, bins), in frames of twice a window centred on each."""
    samples = resample_samples(recording.mono(), recording.sample_rate, SAMPLE_RATE)
    windows = -(-samples.size // WINDOW)
    padded = np.pad(samples, (WINDOW // 2, WINDOW // 2 + windows * WINDOW - samples.size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::WINDOW]
    spectrum = np.fft.rfft(frames * np.hanning(_FFT + 1)[:-1].astype(np.float32), axis=1)
    frequency = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    inside = (frequency >= _BAND_HZ[0]) & (frequency <= _BAND_HZ[1])
    return np.square(np.abs(spectrum[:, inside]))
