"""The demonstration's song, made on the spot: a stock voice sings the lyric over the synthesized band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import fftconvolve

from auto_voice.audio import Audio, Samples, limit_true_peak, resample_samples
from auto_voice.demo import band
from auto_voice.demo.lyric import BEATS_PER_MINUTE, CHORDS, INTRO_BEATS, LINES
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.speech.singing import Note, sing, words_of
from auto_voice.inference.synthesis import KokoroSynthesizer

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

SINGER = "am_michael"
_VOCAL_OVER_BAND_DB = 2.0
_ROOM_SECONDS, _ROOM_GAIN = 0.9, 0.10


@dataclass(frozen=True, kw_only=True)
class Song:
    """A song whose parts are known, so that every stage can be held against the truth.

    Attributes:
        mix: stereo, 44.1 kHz.
        vocals: the singer in the mix's room, as in the mix.
        accompaniment: the band, as in the mix; with the vocals it gives the mix, to within the limiter's
            work.
        f0: the melody as it was set, counted from the start of the mix.
        lyric: the words, a line each.
    """

    mix: Audio
    vocals: Audio
    accompaniment: Audio
    f0: PitchContour
    lyric: str


def make_song(
    settings: Settings,
    runtime: ModelRuntime,
    singer: str = SINGER,
    progress: Progress = no_progress,
    *,
    lines: Sequence[Sequence[Note]] = LINES,
    chords: Sequence[str] = CHORDS,
) -> Song:
    """Sing and mix the song, about 35 seconds; needs the models kokoro-82m and kokoro-voices."""
    sung = sing(lines, singer, BEATS_PER_MINUTE, KokoroSynthesizer(settings, runtime), progress)
    music = band.play(chords, BEATS_PER_MINUTE)
    intro = INTRO_BEATS * 60 / BEATS_PER_MINUTE
    voice = np.zeros(music.frames, dtype=np.float32)
    begin = round(intro * music.sample_rate)
    dry = resample_samples(sung.audio.mono(), sung.audio.sample_rate, music.sample_rate)[: music.frames - begin]
    voice[begin : begin + len(dry)] = dry
    vocals = _in_room(voice, music.sample_rate)
    vocals *= _level(music.samples) / _level(vocals) * 10 ** (_VOCAL_OVER_BAND_DB / 20)
    scale = np.float32(0.7 / max(np.abs(vocals + music.samples).max(), 1e-9))
    parts = vocals * scale, music.samples * scale
    pad = np.zeros(round(intro / sung.f0.hop_seconds), dtype=np.float32)
    f0 = np.concatenate([pad, sung.f0.f0])
    return Song(
        mix=limit_true_peak(Audio(parts[0] + parts[1], music.sample_rate)),
        vocals=Audio(parts[0], music.sample_rate),
        accompaniment=Audio(parts[1], music.sample_rate),
        f0=PitchContour(f0=f0, confidence=(f0 > 0).astype(np.float32), hop_seconds=sung.f0.hop_seconds),
        lyric="\n".join(words_of(line) for line in lines),
    )


def _in_room(dry: Samples, sample_rate: int) -> Samples:
    """The voice in the middle, with a little of a room that differs left and right; (2, frames)."""
    noise = np.random.default_rng(7)
    time = np.arange(round(_ROOM_SECONDS * sample_rate)) / sample_rate
    echoes = noise.standard_normal((2, len(time))) * np.exp(-time / (_ROOM_SECONDS / 5)) * (time > 0.012)
    echoes *= _ROOM_GAIN / np.sqrt(np.square(echoes).sum(axis=1, keepdims=True)) * 3
    wet = fftconvolve(np.broadcast_to(dry, (2, len(dry))), echoes, axes=1)[:, : len(dry)]
    return np.asarray(dry + wet, dtype=np.float32)


def _level(samples: Samples) -> float:
    """RMS of where there is sound."""
    power = np.square(samples).mean(axis=0)
    return float(np.sqrt(power[power > 1e-6].mean()))
