"""From a raw recording to what a voice is learnt from: level phrases without long pauses and rumble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.signal import butter, sosfiltfilt

from auto_voice.audio import Audio, Samples, integrated_loudness, resample_samples
from auto_voice.features import Progress, no_progress, part_of
from auto_voice.inference.recordings.quality import (
    NOTICEABLE_CLIPPING,
    RecordingQuality,
    clipping_ratio,
    measure,
)
from auto_voice.inference.recordings.speech_activity import SAMPLE_RATE, WINDOW, SpeechActivityDetector
from auto_voice.inference.recordings.voice_windows import Mask

LOUDNESS_LUFS = -23.0
PEAK_DBFS = -1.0
MAXIMUM_RATE = 48_000

_SAME = 1e-4
_AS_MUCH = 0.9
_RUMBLE_HZ = 50.0
_KEPT_PAUSE_WINDOWS = 8
_FADE_SECONDS = 0.005


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A stretch of voice with a quarter of a second of pause at either end.

    Attributes:
        samples: float32 (frames,), faded at both ends.
        snr_db: of the recording it comes from.
        clipped: whether parts of it are cut off at full scale.
    """

    samples: Samples
    snr_db: float
    clipped: bool


def best_channel(recording: Audio, detector: SpeechActivityDetector, progress: Progress = no_progress) -> Audio:
    """The recording as one channel: the mean of all, or the channel in which the voice stands clearest.

    A microphone on one side only, or channels that cancel each other, would be spoilt by the mean.
    """
    candidates = [Audio(recording.mono()[None], recording.sample_rate)]
    if np.ptp(recording.samples, axis=0).max(initial=0.0) <= _SAME:
        return candidates[0]
    candidates += [Audio(channel[None], recording.sample_rate) for channel in recording.samples]
    measured: list[tuple[RecordingQuality, Audio]] = []
    for index, candidate in enumerate(candidates):
        share = part_of(progress, index / len(candidates), (index + 1) / len(candidates))
        voice = detector.detect(candidate, share).active
        if voice.any():
            measured.append((measure(candidate, voice), candidate))
    if not measured:
        return candidates[0]
    most = max(quality.voice_seconds for quality, _ in measured)
    heard = [(quality.snr_db, candidate) for quality, candidate in measured if quality.voice_seconds >= _AS_MUCH * most]
    return max(heard, key=lambda each: each[0])[1]


def without_rumble(recording: Audio) -> Audio:
    """The recording without what lies under 50 Hz, where no voice is; nothing is delayed. Takes 10 samples or more."""
    highpass = butter(2, _RUMBLE_HZ, "highpass", fs=recording.sample_rate, output="sos")
    return Audio(sosfiltfilt(highpass, recording.samples, axis=1).astype(np.float32), recording.sample_rate)


def phrases(recording: Audio, voice: Mask, snr_db: float, rate: int) -> list[Phrase]:
    """Cut a mono recording into phrases at `rate` Hz, at LOUDNESS_LUFS, or less where peaks forbid.

    Pauses keep half a second of their length; everything under 50 Hz, where no voice is, is filtered out.
    """
    samples = recording.samples[0]
    filtered = without_rumble(recording).samples[0]
    stretches = list(_stretches(voice, recording))
    clipped = [clipping_ratio(samples[begin:end]) > NOTICEABLE_CLIPPING for begin, end in stretches]
    together = np.concatenate([filtered[begin:end] for begin, end in stretches])
    gain = _levelling_gain(Audio(together[None], recording.sample_rate))
    return [
        Phrase(
            samples=_faded(resample_samples(filtered[begin:end] * np.float32(gain), recording.sample_rate, rate), rate),
            snr_db=snr_db,
            clipped=is_clipped,
        )
        for (begin, end), is_clipped in zip(stretches, clipped, strict=True)
    ]


def join(found: Sequence[Phrase], rate: int, longest_seconds: float) -> Audio:
    """The phrases in their order; the best `longest_seconds` of them where there is more.

    Unclipped phrases are taken first, those of quieter recordings before those of noisier ones, earlier
    before later.
    """
    room = int(longest_seconds * rate)
    chosen: dict[int, Samples] = {}
    for index in sorted(range(len(found)), key=lambda i: (found[i].clipped, -found[i].snr_db, i)):
        part = found[index].samples[:room]
        if part.size < found[index].samples.size and chosen:
            continue  # a shorter one may still fit; only a single endless phrase is cut
        chosen[index] = part
        room -= part.size
    return Audio(np.concatenate([chosen[index] for index in sorted(chosen)])[None], rate)


def _stretches(voice: Mask, recording: Audio) -> Iterator[tuple[int, int]]:
    """Begin and end of each phrase in the recording's own samples."""
    kept = binary_dilation(voice, iterations=_KEPT_PAUSE_WINDOWS)
    edges = np.flatnonzero(np.diff(kept, prepend=False, append=False))
    scale = recording.sample_rate * WINDOW / SAMPLE_RATE
    for begin, end in edges.reshape(-1, 2):
        yield round(begin * scale), min(round(end * scale), recording.frames)


def _levelling_gain(voice: Audio) -> float:
    peak = float(np.abs(voice.samples).max())
    loudness = integrated_loudness(voice)
    if peak == 0.0 or not np.isfinite(loudness):
        return 1.0
    return min(float(10 ** ((LOUDNESS_LUFS - loudness) / 20)), float(10 ** (PEAK_DBFS / 20)) / peak)


def _faded(samples: Samples, rate: int) -> Samples:
    length = min(int(_FADE_SECONDS * rate), samples.size // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    shaped: Samples = samples.copy()
    shaped[:length] *= ramp
    shaped[samples.size - length :] *= ramp[::-1]
    return shaped
