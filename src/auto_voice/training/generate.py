"""Spoken and sung training clips in stock voices, in which every sound's place is known.

Kokoro's first half says which content vector each phoneme has and how long it lasts; its second half makes
the sound. So a clip carries its alignment with it, exactly, however its vowels are stretched.

Three clips in four are English; the others hold syllables as other languages have them. A clip in four says one line
over and over, as refrains do, so that the mapper also meets recordings in which few sounds are heard.
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
from auto_voice.inference.conversion.decoder_input import DecoderInput
from auto_voice.inference.conversion.decoder_voice import DecoderVoice, decode, join_film
from auto_voice.inference.conversion.neural_models import load_published_decoder
from auto_voice.inference.speech.singing import token_borders
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.speech.voices import VOICES
from auto_voice.inference.synthesis import KokoroSynthesizer, Prosody, vocabulary
from auto_voice.models.networks.style_decoder import fast_kind
from auto_voice.models.runtime import ModelRuntime
from auto_voice.training import singing_style
from auto_voice.training.clips import CONTENT_RATE, SAMPLE_RATE, Clip
from auto_voice.training.lines import HELD, random_line, random_syllables
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
_SYLLABLES_SHARE = 0.25
_REFRAIN_SHARE = 0.25


class Halves(Protocol):
    """What is needed of the synthesizer: its two halves."""

    sample_rate: int

    def prosody(self, sounds: str, voice: str, speed: float = 1.0) -> Prosody:
        """See KokoroSynthesizer."""

    def decode(self, prosody: Prosody) -> Audio:
        """See KokoroSynthesizer."""


@dataclass(frozen=True)
class _Words:
    text: str
    sounds: str


@dataclass(frozen=True)
class _Line:
    words: _Words
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
    in_syllables, is_refrain = random.random() < _SYLLABLES_SHARE, random.random() < _REFRAIN_SHARE
    wanted = random.uniform(*_SECONDS) * CONTENT_RATE
    lines: list[_Line] = []
    while sum(line.prosody.frames for line in lines) < wanted:
        key = lines[0].key if lines else None
        words = lines[0].words if lines and is_refrain else _random_words(voice, in_syllables, random)
        line = _random_line(words, voice, is_sung, key, synthesizer, random)
        if line is not None:
            lines.append(line)
    sound = np.concatenate([synthesizer.decode(line.prosody).mono() for line in lines])
    return Clip(
        samples=_as_int16(resample_samples(sound, synthesizer.sample_rate, SAMPLE_RATE)),
        tokens=np.concatenate([line.tokens for line in lines]).astype(np.int16),
        durations=np.concatenate([line.durations for line in lines]).astype(np.int16),
        vectors=np.concatenate([_vectors(line) for line in lines]).astype(np.float16),
        f0=np.concatenate([line.prosody.f0 for line in lines]),
        text="\n".join(line.words.text for line in lines),
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


class FastHalves:
    """Kokoro's first half, and its decoder in torch, several times as fast as the published graph on one core."""

    sample_rate = KokoroSynthesizer.sample_rate

    def __init__(self, settings: Settings) -> None:
        runtime = ModelRuntime(settings, "cpu")
        self.prosody = KokoroSynthesizer(settings, runtime).prosody
        decoder = load_published_decoder(runtime)
        self._biases = join_film(decoder).numpy()
        self._decoder = decoder.compute_in(fast_kind())

    def decode(self, prosody: Prosody) -> Audio:
        """See Halves."""
        voice = DecoderVoice(style=prosody.style[: self._decoder.shape.style], film=self._biases)
        given = DecoderInput(content=prosody.content, f0=prosody.f0, energy=prosody.energy, gain=1.0)
        made = decode(self._decoder, voice, given.tensors(0, given.frames, "cpu"))
        return Audio(made[None], self.sample_rate)


_made: list[FastHalves] = []


def _synthesizer(settings: Settings) -> FastHalves:
    """The synthesizer of this process; a pool's workers are told what to do by function calls alone."""
    if not _made:
        _made.append(FastHalves(settings))
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


def _random_words(voice: str, in_syllables: bool, random: np.random.Generator) -> _Words:
    """What a line says; syllables stand for themselves."""
    if in_syllables:
        syllables = random_syllables(random)
        return _Words(syllables, syllables)
    text = random_line(random)
    return _Words(text, phonemes(text, "gb" if VOICES[voice.split("+")[0]].british else "us"))


def _random_line(
    words: _Words, voice: str, is_sung: bool, key: float | None, synthesizer: Halves, random: np.random.Generator
) -> _Line | None:
    """A line as it is to be decoded; None where chance made one too long to decode at once."""
    sounds = words.sounds
    speed = random.uniform(0.6, 0.9) if is_sung else random.uniform(0.75, 1.1)
    spoken = synthesizer.prosody(sounds, voice, speed)
    try:
        borders = token_borders(spoken, len(sounds))
    except ProcessingError:  # two neighbouring sounds are alike: their border cannot be seen
        return None
    tokens = [0, *(vocabulary()[sound] for sound in sounds), 0]
    vowels = np.array([False, *(sound in HELD for sound in sounds), False])
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
    return _Line(words, laid, tokens, wanted, key)


def _vectors(line: _Line) -> NDArray[np.float32]:
    """One content vector a token, (tokens, 512)."""
    firsts = np.cumsum(line.durations) - line.durations
    return np.ascontiguousarray(line.prosody.content[:, firsts].T)


def _as_int16(sound: Samples) -> NDArray[np.int16]:
    loudest = max(float(np.abs(sound).max()), 1e-6)
    return np.asarray(np.round(sound * (_PEAK / loudest * 32767)), dtype=np.int16)
