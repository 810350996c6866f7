"""Spoken and sung training clips in stock voices, in which every sound's place is known.

Kokoro's first half says which content vector each phoneme has and how long it lasts; its second half makes
the sound. So a clip carries its alignment with it, exactly, however its vowels are stretched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.errors import ProcessingError
from auto_voice.features import Progress, no_progress
from auto_voice.inference.speech.singing import token_borders
from auto_voice.inference.speech.text.letter_to_sound import VOWELS
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.speech.voices import VOICES
from auto_voice.inference.synthesis import KokoroSynthesizer, Prosody, vocabulary
from auto_voice.training import singing_style
from auto_voice.training.clips import CONTENT_RATE, SAMPLE_RATE, Clip
from auto_voice.training.lines import random_line
from auto_voice.training.processes import several

if TYPE_CHECKING:
    from auto_voice.config import Settings

HELD_OUT_VOICES = ("af_nova", "am_eric")
VALIDATION_EVERY = 14
"""One clip in so many is in a held-out voice, and serves to validate."""

_SECONDS = (13.0, 26.0)
_LONGEST_LINE = 420  # frames
_MOST_SILENCE = 14  # frames, before and after a line
_VOICED_HZ = 25.0
_PEAK = 0.6
_ENGLISH_SHARE = 0.7


class Halves(Protocol):
    """What is needed of the synthesizer: its two halves."""

    sample_rate: int

    def prosody(self, sounds: str, voice: str, speed: float = 1.0) -> Prosody:
        """See KokoroSynthesizer."""

    def decode(self, prosody: Prosody) -> Audio:
        """See KokoroSynthesizer."""


@dataclass(frozen=True)
class _Line:
    text: str
    prosody: Prosody
    tokens: list[int]
    durations: NDArray[np.int64]
    key: float


def is_validation(number: int) -> bool:
    """Whether the clip of that number serves to validate."""
    return number % VALIDATION_EVERY == 0


def make_clip(number: int, seed: int, synthesizer: Halves) -> Clip:
    """The clip of that number: several lines by one voice, spoken or sung; the same each time."""
    random = np.random.default_rng([seed, number])
    voice = _random_voice(random, is_validation(number))
    is_sung = bool(random.random() < 0.5)
    wanted = random.uniform(*_SECONDS) * CONTENT_RATE
    lines: list[_Line] = []
    while sum(line.prosody.frames for line in lines) < wanted:
        key = lines[0].key if lines else None
        line = _random_line(voice, is_sung, key, synthesizer, random)
        if line is not None:
            lines.append(line)
    sound = np.concatenate([synthesizer.decode(line.prosody).mono() for line in lines])
    return Clip(
        samples=_as_int16(resample_samples(sound, synthesizer.sample_rate, SAMPLE_RATE)),
        tokens=np.concatenate([line.tokens for line in lines]).astype(np.int16),
        durations=np.concatenate([line.durations for line in lines]).astype(np.int16),
        vectors=np.concatenate([_vectors(line) for line in lines]).astype(np.float16),
        f0=np.concatenate([line.prosody.f0 for line in lines]),
        text="\n".join(line.text for line in lines),
        voice=voice,
        sung=is_sung,
    )


def generate(
    folder: Path, minutes: float, settings: Settings, seed: int = 0, workers: int = 1, progress: Progress = no_progress
) -> float:
    """Fill a folder with clips until they are so many minutes long in all; those already there count.

    Returns:
        Minutes of audio in the folder.

    Raises:
        ModelLoadError: the synthesizer is not installed.
        StorageError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seconds = 0.0
    for made in _lengths(folder, settings, seed, workers):
        seconds += made
        progress(min(1.0, seconds / 60 / minutes))
        if seconds >= minutes * 60:
            break
    return seconds / 60


def _lengths(folder: Path, settings: Settings, seed: int, workers: int) -> Iterator[float]:
    """Seconds of each clip, endlessly; made first where it is not there yet."""
    with several(workers) as pool:
        for first in count(step=workers):
            batch = [pool.submit(_present, folder, first + i, seed, settings) for i in range(workers)]
            yield from (each.result() for each in batch)


def _present(folder: Path, number: int, seed: int, settings: Settings) -> float:
    path = folder / f"clip-{number:05d}.npz"
    if path.is_file():
        return Clip.load(path).seconds
    clip = make_clip(number, seed, _synthesizer(settings))
    clip.save(path)
    return clip.seconds


_made: list[KokoroSynthesizer] = []


def _synthesizer(settings: Settings) -> KokoroSynthesizer:
    """The synthesizer of this process; a pool's workers are told what to do by function calls alone."""
    from auto_voice.models.runtime import ModelRuntime

    if not _made:
        _made.append(KokoroSynthesizer(settings, ModelRuntime(settings, "cpu")))
    return _made[0]


def _random_voice(random: np.random.Generator, validation: bool) -> str:
    """A stock voice or a mixture of two, by name; held-out voices for validation and only there."""
    if validation:
        return str(random.choice(HELD_OUT_VOICES))
    others = [voice for voice in VOICES.values() if voice.name not in HELD_OUT_VOICES]
    native = [voice for voice in others if voice.language.startswith("en")]
    foreign = [voice for voice in others if not voice.language.startswith("en")]
    chosen = native if random.random() < _ENGLISH_SHARE else foreign
    first = chosen[int(random.integers(len(chosen)))]
    if random.random() < 0.4:
        return first.name
    alike = [voice for voice in others if voice.gender == first.gender or random.random() < 0.2]
    second = alike[int(random.integers(len(alike)))]
    return "+".join([first.name] * int(random.integers(1, 4)) + [second.name] * int(random.integers(1, 4)))


def _random_line(
    voice: str, is_sung: bool, key: float | None, synthesizer: Halves, random: np.random.Generator
) -> _Line | None:
    """A line as it is to be decoded; None where chance made one too long to decode at once."""
    text = random_line(random)
    sounds = phonemes(text, "gb" if VOICES[voice.split("+")[0]].british else "us")
    speed = random.uniform(0.6, 0.9) if is_sung else random.uniform(0.75, 1.1)
    spoken = synthesizer.prosody(sounds, voice, speed)
    try:
        borders = token_borders(spoken, len(sounds))
    except ProcessingError:  # two neighbouring sounds are alike: their border cannot be seen
        return None
    tokens = [0, *(vocabulary()[sound] for sound in sounds), 0]
    vowels = np.array([False, *(sound in VOWELS for sound in sounds), False])
    durations = np.diff(borders)
    wanted = singing_style.held_durations(durations, vowels, random) if is_sung else durations.copy()
    wanted[[0, -1]] = np.minimum(wanted[[0, -1]], random.integers(3, _MOST_SILENCE, size=2))
    if wanted.sum() > _LONGEST_LINE:
        return None
    laid = singing_style.stretched(spoken, durations, wanted)
    laid = replace(laid, f0=np.where(laid.f0 > _VOICED_HZ, laid.f0, 0).astype(np.float32))
    voiced = laid.f0[laid.f0 > 0]
    median = float(np.median(voiced)) if len(voiced) else 150.0
    key = key or min(median * 2 ** random.uniform(-0.3, 0.25), singing_style.HIGHEST_KEY_HZ)
    if is_sung:
        laid = singing_style.sung(laid, wanted, vowels, key, random)
    else:
        moved = np.minimum(laid.f0 * 2 ** random.uniform(-0.3, 0.3), singing_style.HIGHEST_HZ)
        laid = replace(laid, f0=moved.astype(np.float32))
    return _Line(text, laid, tokens, wanted, key)


def _vectors(line: _Line) -> NDArray[np.float32]:
    """One content vector a token, (tokens, 512)."""
    firsts = np.cumsum(line.durations) - line.durations
    return np.ascontiguousarray(line.prosody.content[:, firsts].T)


def _as_int16(sound: Samples) -> NDArray[np.int16]:
    loudest = max(float(np.abs(sound).max()), 1e-6)
    return np.asarray(np.round(sound * (_PEAK / loudest * 32767)), dtype=np.int16)
