"""The simple engines of the tests, registered as a stranger's engines would be, so that a real service uses them.

Each takes as long as it is told, reporting progress all the while, and dies at a place where it is told to:

    SERVICE_ENGINES_SECONDS  how long each engine works on a song, beyond its own time
    SERVICE_ENGINES_ORDERS   a folder; the file `kill-<engine>-<place>` there has the process killed, once, when that
                             engine comes to that place (begin, middle, end); `kill-<engine>-<place>-<frames>` the
                             same over a song of so many frames

The engines are separator, pitch, content, converter, synthesizer, and sung: the pitch of the converted vocals, which
is taken while they are mixed.

    SERVICE_ENGINES_POISON   a sample rate: a song of that rate kills whoever separates it, every time
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.features import ContentFeatures, PitchContour, Progress, Stems, VoiceState, no_progress, part_of
from auto_voice.inference.pipeline import engines
from auto_voice.inference.speech.voices import VOICES, Voice
from auto_voice.models.runtime import ModelRuntime
from simple_engines import LevelContent, MiddleSeparator, SpectralPeakPitch, TurningConverter
from simple_engines import voice as tone

SPEECH_RATE = 24000
SECONDS_A_CHARACTER = 0.05

_STEP_SECONDS = 0.05


@contextmanager
def working(engine: str, frames: int, progress: Progress) -> Iterator[Progress]:
    """Spend the time, and die where it is ordered; gives the progress for the engine's own work."""
    _obey(engine, "begin", frames)
    seconds = float(os.environ.get("SERVICE_ENGINES_SECONDS", "0"))
    _spend(seconds / 2, part_of(progress, 0.0, 0.4))
    _obey(engine, "middle", frames)
    _spend(seconds / 2, part_of(progress, 0.4, 0.8))
    yield part_of(progress, 0.8, 1.0)
    _obey(engine, "end", frames)


def _spend(seconds: float, progress: Progress) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        progress(1 - left / seconds)
        time.sleep(min(left, _STEP_SECONDS))


def _obey(engine: str, place: str, frames: int) -> None:
    """Die if that is ordered. The order is carried out once: whoever can remove it."""
    folder = os.environ.get("SERVICE_ENGINES_ORDERS", os.devnull)
    for order in (f"kill-{engine}-{place}", f"kill-{engine}-{place}-{frames}"):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (Path(folder) / order).unlink()
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class PacedSeparator(MiddleSeparator):
    def separate(self, mix: Audio, progress: Progress = no_progress) -> Stems:
        if str(mix.sample_rate) == os.environ.get("SERVICE_ENGINES_POISON"):
            _die()
        with working("separator", mix.frames, progress) as rest:
            return super().separate(mix, rest)


class PacedPitch(SpectralPeakPitch):
    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        # The converter turns the polarity, so the first half wave tells which melody is asked for.
        begins = vocals.samples[0][np.abs(vocals.samples[0]) > 1e-4][:1].sum()
        with working("sung" if begins < 0 else "pitch", vocals.frames, progress) as rest:
            return super().extract(vocals, rest)


class PacedContent(LevelContent):
    def extract(self, speech: Audio, progress: Progress = no_progress) -> ContentFeatures:
        with working("content", speech.frames, progress) as rest:
            return super().extract(speech, rest)


class PacedConverter(TurningConverter):
    def convert(
        self,
        vocals: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        semitones: float = 0.0,
        progress: Progress = no_progress,
    ) -> Audio:
        with working("converter", vocals.frames, progress) as rest:
            return super().convert(vocals, contour, content, voice, semitones, rest)


class HummingSynthesizer:
    """Hums for as long as the text is; each stock voice at a height of its own."""

    name = "humming"
    sample_rate = SPEECH_RATE

    def voices(self) -> list[Voice]:
        return list(VOICES.values())

    def synthesize_sentence(self, text: str, voice: str, speed: float = 1.0, pitch: float = 0.0) -> Audio:
        with working("synthesizer", len(text), no_progress):
            place = list(VOICES).index(voice.split("+")[0])
            hz = (110 + 2 * place) * 2 ** (pitch / 12)
            seconds = max(0.2, SECONDS_A_CHARACTER * len(text) / speed)
            hum = tone(seconds * SPEECH_RATE / 16000, hz * 16000 / SPEECH_RATE)  # made at 16 kHz, played at 24 kHz
            return Audio(np.ascontiguousarray(hum[None]), SPEECH_RATE)


def separator(settings: Settings, runtime: ModelRuntime) -> PacedSeparator:
    return PacedSeparator()


def pitch(settings: Settings, runtime: ModelRuntime) -> PacedPitch:
    return PacedPitch()


def converter(settings: Settings, runtime: ModelRuntime) -> PacedConverter:
    return PacedConverter()


def synthesizer(settings: Settings, runtime: ModelRuntime) -> HummingSynthesizer:
    return HummingSynthesizer()


# Content has no entry point; this module is imported in time, because every pipeline has one of the engines above.
engines._content = lambda runtime: PacedContent()  # type: ignore[assignment]
