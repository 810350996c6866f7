"""What the demonstration works on, made on the spot: somebody's voice in a room, and a song somebody else sings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.signal import fftconvolve

from auto_voice.audio import Audio, Samples
from auto_voice.demo.lyric import CHORDS, LINES
from auto_voice.demo.song import SINGER, make_song
from auto_voice.features import Progress

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.inference.speech.singing import Note
    from auto_voice.models.runtime import ModelRuntime

READER = "af_bella"

READING = """
The morning began with a thin layer of fog over the harbour. I made a pot of coffee, opened the window, and listened
to the gulls arguing above the roofs. A small boat called Juniper was leaving for the islands with a cargo of bread,
paint and garden chairs. My neighbour waved, and asked whether I would sing at the party on Thursday. I laughed, and
told her that my voice was good for reading, not for singing. She shook her head. Every voice can sing, she said. You
only have to choose the right song, and give it a little time. So here I am, reading this page as calmly as I can, in
an ordinary room with a humming refrigerator. Should a machine learn something useful from these few words, we shall
both be surprised, and I shall owe my neighbour a very large cake.
"""
"""About 45 seconds, with every sound of English in it several times."""

NOISE_FLOOR_DB = -55.0
"""RMS of the room's noise, dB of full scale: a quiet room, no studio."""

_ROOM_SECONDS = 0.3
_REFLECTIONS = ((0.0031, 0.16), (0.0074, -0.12), (0.0118, 0.09), (0.0193, 0.06))  # delay in seconds, gain
_TAIL_GAIN = 0.12


class Material(Protocol):
    """A voice and a song.

    Attributes:
        voice_recipe: all that the voice depends on, as text.
        song_recipe: all that the song depends on.
    """

    voice_recipe: str
    song_recipe: str

    def voice(self, progress: Progress) -> Audio:
        """A recording of somebody reading, mono."""

    def song(self, progress: Progress) -> Audio:
        """A song sung by somebody else, stereo."""


class StockMaterial:
    """One of the synthesizer's stock voices reads, another one sings; needs the models kokoro-82m and kokoro-voices.

    Args:
        settings: the configured ones.
        runtime: where models live.
        reading: the text to read.
        lines: the melody and its words.
        chords: the band's, one a bar.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: ModelRuntime,
        *,
        reading: str = READING,
        lines: Sequence[Sequence[Note]] = LINES,
        chords: Sequence[str] = CHORDS,
    ) -> None:
        self.voice_recipe = repr((READER, reading))
        self.song_recipe = repr((SINGER, lines, chords))
        self._settings, self._runtime = settings, runtime
        self._reading, self._lines, self._chords = " ".join(reading.split()), lines, chords

    def voice(self, progress: Progress) -> Audio:
        """See Material; 24 kHz."""
        from auto_voice.inference.engine import TTSEngine
        from auto_voice.inference.speech.shaping import joined

        sentences: list[Audio] = []
        length = 0
        for sentence in TTSEngine(self._settings, runtime=self._runtime).stream(self._reading, READER):
            sentences.append(sentence)
            length += sentence.frames
            # Speech takes about a fifteenth of a second for a letter.
            progress(min(1.0, 15 * length / sentence.sample_rate / len(self._reading)))
        return in_room(joined(sentences))

    def song(self, progress: Progress) -> Audio:
        """See Material; 44.1 kHz."""
        return make_song(self._settings, self._runtime, SINGER, progress, lines=self._lines, chords=self._chords).mix


def in_room(dry: Audio) -> Audio:
    """The same recording as a microphone on a table hears it: first reflections, a short reverberation, a noise floor.

    The same sound gives the same recording. Mono.
    """
    rate = dry.sample_rate
    chance = np.random.default_rng(11)
    time = np.arange(round(_ROOM_SECONDS * rate)) / rate
    response = chance.standard_normal(len(time)) * np.exp(-time * np.log(1000) / _ROOM_SECONDS)
    response *= _TAIL_GAIN / np.sqrt(np.square(response).sum())
    response[0] = 1.0
    for delay, gain in _REFLECTIONS:
        response[round(delay * rate)] += gain
    wet = fftconvolve(dry.mono(), response)
    noise = _pink(chance, len(wet)) * 10 ** (NOISE_FLOOR_DB / 20)
    heard = wet + noise
    return Audio((heard * min(1.0, 0.9 / np.abs(heard).max())).astype(np.float32)[None], rate)


def _pink(chance: np.random.Generator, length: int) -> Samples:
    """Noise whose power falls with frequency, as that of rooms does; RMS 1."""
    spectrum = np.fft.rfft(chance.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), length / 1000))
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / np.sqrt(np.square(noise).mean()), dtype=np.float32)
