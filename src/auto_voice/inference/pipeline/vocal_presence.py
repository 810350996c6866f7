"""Whether anybody sings in a song, and if nobody does, whether it is music at all.

The thresholds were set on four real songs with and without their vocals. Of what a separator takes for vocals in
a purely instrumental part, some is pitched and some is not; but pitched and loud it was in none (18 dB below the
music or less, against 10 dB and more where somebody sang), and words were heard in none.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft

from auto_voice.audio import Audio
from auto_voice.errors import LowQualityAudioError
from auto_voice.features import PitchContour, Progress, Stems, no_progress
from auto_voice.inference.recordings.speech_activity import SpeechActivityDetector

SILENCE_DBFS = -70.0
SUNG_ABOVE_MUSIC_DB = -14.0
"""Energy of the voiced parts of the vocals, relative to the whole song, from which on it is singing."""
WORDS_SECONDS = 0.5
"""So much that sounds like words is enough, however soft."""
STEADY_DB = 4.0
"""Noise keeps its level in each band to 2 dB from one tenth of a second to the next; songs move by 7 and more."""

_FRAME_SECONDS = 0.1
_BANDS = 24
_LOWEST_HZ = 60.0


def refuse_silence(song: Audio) -> None:
    """Raise LowQualityAudioError for a song with nothing in it."""
    peak = max(float(song.samples.max(initial=0.0)), -float(song.samples.min(initial=0.0)))
    if peak < 10 ** (SILENCE_DBFS / 20):
        raise LowQualityAudioError("the recording is silent", suggestions=["check that it is the right file"])


def refuse_noise(song: Audio) -> None:
    """Raise LowQualityAudioError for a song in which nothing ever happens."""
    if _movement_db(song) < STEADY_DB:
        raise LowQualityAudioError(
            "there is no voice in the recording, and no music: nothing but steady noise",
            suggestions=["check that it is the right file"],
        )


def has_vocals(
    stems: Stems, contour: PitchContour, detector: SpeechActivityDetector, progress: Progress = no_progress
) -> bool:
    """Whether somebody sings or speaks in a song.

    Args:
        stems: the song.
        contour: the melody of its vocals.
        detector: asked for words where the melody alone does not say it.
        progress: called while it listens; raising cancels.
    """
    if not contour.voiced.any():
        return False
    hop = contour.hop_seconds * stems.vocals.sample_rate
    starts = (np.arange(len(contour.f0)) * hop).astype(np.intp).clip(max=stems.vocals.frames - 1)
    sung = whole = 0.0
    for vocals, rest in zip(stems.vocals.samples, stems.accompaniment.samples, strict=True):
        song = vocals + rest
        whole += float(np.dot(song, song))
        sung += float(np.add.reduceat(np.square(vocals), starts, dtype=np.float64)[contour.voiced].sum())
    if sung > whole * 10 ** (SUNG_ABOVE_MUSIC_DB / 10):
        progress(1.0)
        return True
    activity = detector.detect(stems.vocals, progress)
    return bool(activity.active.sum() * activity.hop_seconds >= WORDS_SECONDS)


def _movement_db(song: Audio) -> float:
    """How far the level of a typical band moves from frame to frame: the median of the bands' deviations."""
    size = int(_FRAME_SECONDS * song.sample_rate)
    frames = song.frames // size
    if frames < 2:
        return 0.0
    edges = np.geomspace(_LOWEST_HZ, song.sample_rate / 2, _BANDS + 1) * _FRAME_SECONDS
    starts = np.unique(edges[:-1].astype(int))
    power = np.empty((frames, len(starts)))
    for index in range(frames):
        spectrum = np.square(np.abs(rfft(song.samples[:, index * size : (index + 1) * size])))
        power[index] = np.add.reduceat(spectrum.sum(axis=0), starts)
    levels = 10 * np.log10(power + 1e-12 * size)
    return float(np.median(levels.std(axis=0)))
