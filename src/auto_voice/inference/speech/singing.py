"""Singing: a lyric on a melody, by a speech synthesizer whose pitch and timing are set from outside.

Kokoro's first half says what the sounds of a line are and where they lie; they are laid anew on the notes
(each vowel begins on its beat, consonants lie before it, the vowel takes up the rest), the F0 curve is
drawn from the melody, and the second half sings it. Sound between about 110 and 330 Hz, where the decoder
has learnt speech.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio
from auto_voice.errors import InvalidParametersError, ProcessingError
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.speech.text.letter_to_sound import VOWELS
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.speech.voices import voice_named
from auto_voice.inference.synthesis import KokoroSynthesizer, Prosody

FRAME = 0.025
"""Seconds of a content frame; F0 and energy have two values in each."""

LOWEST_HZ, HIGHEST_HZ = 105.0, 340.0
_ARTICULATION = 0.85  # speed of the spoken line the sounds are taken from: a little clearer than conversation
_LONGEST_CONSONANTS = 7  # frames that lie between two vowels on each side of a syllable's boundary, at most
_SHORTEST_VOWEL = 3
_GLIDE_SECONDS = 0.11
_VIBRATO_HZ, _VIBRATO_SEMITONES, _VIBRATO_AFTER = 5.4, 0.22, 0.35
_VOICED_HZ = 25.0


@dataclass(frozen=True)
class Note:
    """A syllable on a pitch.

    Attributes:
        syllable: "riv-" where the word goes on in the next note, "er" where it ends; "" for a rest; "-" to
            carry the last vowel over to this pitch.
        midi: 69 is A4, 440 Hz; of no meaning for a rest.
        beats: length.
    """

    syllable: str
    midi: float
    beats: float


@dataclass(frozen=True, kw_only=True)
class Sung:
    """A sung melody.

    Attributes:
        audio: mono, as long as the notes.
        f0: the melody that was set, Hz at 80 frames a second; 0 where unvoiced.
    """

    audio: Audio
    f0: PitchContour


@dataclass
class _Syllable:
    """Tokens [first, end) of the line, its vowel the token `vowel`; sung on `notes` (start frame, midi)."""

    first: int
    vowel: int
    end: int
    notes: list[tuple[int, float]]


def sing(
    lines: Sequence[Sequence[Note]],
    voice: str,
    beats_per_minute: float,
    synthesizer: KokoroSynthesizer,
    progress: Progress = no_progress,
) -> Sung:
    """Sing lines one after the other; each is one breath, and should end in a rest.

    Raises:
        InvalidParametersError: a line without words, more syllables than its words have notes for, or a note
            outside 105 to 340 Hz.
    """
    frames_per_beat = 60.0 / beats_per_minute / FRAME
    total = round(sum(note.beats for line in lines for note in line) * frames_per_beat)
    sample_rate = synthesizer.sample_rate
    hop = round(sample_rate * FRAME)
    samples = np.zeros(total * hop, dtype=np.float32)
    f0 = np.zeros(2 * total, dtype=np.float32)
    beat = 0.0
    for index, line in enumerate(lines):
        starts = np.cumsum([beat, *(note.beats for note in line)]) * frames_per_beat
        start, prosody, voiced = _line(line, starts, total, voice, synthesizer)
        sound = synthesizer.decode(prosody).mono()
        begin = start * hop
        sound = sound[max(0, -begin) : len(samples) - begin]
        samples[max(0, begin) : max(0, begin) + len(sound)] += sound
        curve = np.where(voiced, prosody.f0, 0.0)[max(0, -2 * start) : 2 * (total - start)]
        f0[max(0, 2 * start) : max(0, 2 * start) + len(curve)] = curve
        beat += sum(note.beats for note in line)
        progress((index + 1) / len(lines))
    contour = PitchContour(f0=f0, confidence=(f0 > 0).astype(np.float32), hop_seconds=FRAME / 2)
    return Sung(audio=Audio(samples[None], sample_rate), f0=contour)


def words_of(line: Sequence[Note]) -> str:
    """The text of a line: syllables joined to words."""
    parts = [note.syllable for note in line if note.syllable not in ("", "-")]
    return re.sub(r"- ", "", " ".join(parts))


def _line(
    line: Sequence[Note], starts: NDArray[np.float64], total: int, voice: str, synthesizer: KokoroSynthesizer
) -> tuple[int, Prosody, NDArray[np.bool_]]:
    """The frame at which a line's sound begins, what is to be decoded, and where it is voiced."""
    for note in line:
        hertz = 440 * 2 ** ((note.midi - 69) / 12)
        if note.syllable and not LOWEST_HZ <= hertz <= HIGHEST_HZ:
            raise InvalidParametersError(
                f"note {note.midi:g} ({hertz:.0f} Hz) cannot be sung; {LOWEST_HZ:.0f} to {HIGHEST_HZ:.0f} Hz can"
            )
    accent = "gb" if voice_named(voice.split("+")[0]).british else "us"
    sounds = phonemes(words_of(line), accent)
    spoken = synthesizer.prosody(sounds, voice, _ARTICULATION)
    borders = token_borders(spoken, len(sounds))
    syllables = _syllables(sounds, line, starts)
    end = min(total, round(float(starts[-1])))
    start, knots = _lay_out(syllables, borders, _line_end(line, starts))
    places = np.interp(np.arange(end - start) + 0.5, knots[:, 0], knots[:, 1]) - 0.5
    laid = spoken.rewarped(np.maximum(places, 0.0))
    voiced = laid.f0 > _VOICED_HZ
    melody = _melody(syllables, start, len(laid.f0))
    energy = np.where(voiced, 0.5 * laid.energy + 0.5 * np.median(laid.energy[voiced]), laid.energy)
    sung = np.where(voiced, melody, laid.f0)
    return start, replace(laid, f0=sung.astype(np.float32), energy=energy.astype(np.float32)), voiced


def token_borders(spoken: Prosody, sounds: int) -> NDArray[np.int64]:
    """First frame of each token (padding before and after included) and the end of the last; (sounds + 3,).

    Raises:
        ProcessingError: two neighbouring sounds are alike.
    """
    changes = np.flatnonzero(np.any(np.diff(spoken.content, axis=1) != 0, axis=0)) + 1
    if len(changes) != sounds + 1:
        raise ProcessingError(
            f"the sounds of a line cannot be told apart: {sounds + 2} tokens, {len(changes) + 1} runs"
        )
    return np.concatenate([[0], changes, [spoken.frames]])


def _syllables(sounds: str, line: Sequence[Note], starts: NDArray[np.float64]) -> list[_Syllable]:
    """Divide the sounds of each word among its notes; token i + 1 is sound i."""
    found: list[_Syllable] = []
    words = [(match.start(), match.end()) for match in re.finditer(r"\S+", sounds)]
    sung = [(note, round(float(start))) for note, start in zip(line, starts, strict=False) if note.syllable]
    index = 0
    for begin, end in words:
        notes: list[list[tuple[int, float]]] = []
        goes_on = True
        while index < len(sung) and (goes_on or sung[index][0].syllable == "-"):
            note, start = sung[index]
            if note.syllable == "-" and notes:
                notes[-1].append((start, note.midi))
            else:
                notes.append([(start, note.midi)])
                goes_on = note.syllable.endswith("-")
            index += 1
        vowels = [place for place in range(begin, end) if sounds[place] in VOWELS]
        if not notes or len(vowels) < len(notes):
            raise InvalidParametersError(f"{words_of(line)!r}: a word has more notes than syllables")
        cuts = [
            begin,
            *(_boundary(sounds, before, after) for before, after in pairwise(vowels)),
            end,
        ]
        for number, on in enumerate(notes):
            last = number == len(notes) - 1
            found.append(_Syllable(cuts[number] + 1, vowels[number] + 1, (end if last else cuts[number + 1]) + 1, on))
    if index < len(sung):
        raise InvalidParametersError(f"{words_of(line)!r}: more notes than words")
    return found


def _boundary(sounds: str, before: int, after: int) -> int:
    """Where a syllable ends: consonants go with the vowel after them, but for the first of several."""
    between = [place for place in range(before + 1, after) if sounds[place] not in "ˈˌː"]
    if not between:
        return after - (sounds[after - 1] in "ˈˌ")
    return between[1] if len(between) > 1 else between[0]


def _line_end(line: Sequence[Note], starts: NDArray[np.float64]) -> int:
    """The frame at which the last note ends, before the rest that closes the line."""
    last = max(index for index, note in enumerate(line) if note.syllable)
    return round(float(starts[last + 1]))


def _lay_out(
    syllables: Sequence[_Syllable], borders: NDArray[np.int64], voice_end: int
) -> tuple[int, NDArray[np.float64]]:
    """New frame against spoken frame at the border of every token.

    Returns: the first new frame; knots (n, 2), the new frames counted from it.
    """
    natural = np.diff(borders)
    knots: list[tuple[float, float]] = []
    for number, syllable in enumerate(syllables):
        onset = int(natural[syllable.first : syllable.vowel].sum())
        onset = min(onset, _LONGEST_CONSONANTS)
        begin = syllable.notes[0][0]
        following = syllables[number + 1] if number + 1 < len(syllables) else None
        if following is not None:
            next_onset = min(int(natural[following.first : following.vowel].sum()), _LONGEST_CONSONANTS)
            limit = following.notes[0][0] - next_onset
        else:
            limit = voice_end
        coda = min(int(natural[syllable.vowel + 1 : syllable.end].sum()), _LONGEST_CONSONANTS)
        coda = max(0, min(coda, limit - begin - _SHORTEST_VOWEL))
        knots += _spread(syllable.first, syllable.vowel, borders, begin - onset, begin)
        knots += _spread(syllable.vowel, syllable.vowel + 1, borders, begin, limit - coda)
        knots += _spread(syllable.vowel + 1, syllable.end, borders, limit - coda, limit)
    first_token, last_token = syllables[0].first, syllables[-1].end
    lead = min(int(borders[first_token]), 6)
    start = round(knots[0][0]) - lead
    knots.insert(0, (start, float(borders[first_token] - lead)))
    tail_end = float(borders[-1])
    knots.append((knots[-1][0] + tail_end - borders[last_token], tail_end))
    table = np.array(knots)
    table[:, 0] = np.maximum.accumulate(table[:, 0]) - start
    keep = np.concatenate([[True], np.diff(table[:, 0]) > 0])
    return start, table[keep]


def _spread(
    first: int, end: int, borders: NDArray[np.int64], new_start: float, new_end: float
) -> list[tuple[float, float]]:
    """Knots of the tokens [first, end), in proportion to how long they were spoken."""
    old = borders[first : end + 1].astype(np.float64)
    length = old[-1] - old[0]
    if length <= 0:
        return []
    new = new_start + (old - old[0]) / length * (new_end - new_start)
    return [*zip(new.tolist(), old.tolist(), strict=True)]


def _melody(syllables: Sequence[_Syllable], start: int, length: int) -> NDArray[np.float32]:
    """F0 of the line in Hz at 80 frames a second: steps made glides, and vibrato on long notes."""
    notes = [note for syllable in syllables for note in syllable.notes]
    begins = np.array([2 * (begin - start) for begin, _ in notes])
    clock = np.arange(length)
    current = np.clip(np.searchsorted(begins, clock, side="right") - 1, 0, None)
    midi = np.array([pitch for _, pitch in notes])[current]
    width = round(_GLIDE_SECONDS / FRAME * 2) | 1
    window = np.hanning(width + 2)[1:-1]
    # half the glide before the beat: a singer arrives on the note, not after it
    midi = np.convolve(np.pad(midi, width // 2, mode="edge"), window / window.sum(), mode="valid")
    held = (clock - begins[current]) * FRAME / 2
    depth = _VIBRATO_SEMITONES * np.clip((held - _VIBRATO_AFTER) / 0.3, 0, 1)
    wave = midi + depth * np.sin(2 * np.pi * _VIBRATO_HZ * held)
    return np.asarray(440 * 2 ** ((wave - 69) / 12), dtype=np.float32)
