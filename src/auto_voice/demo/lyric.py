"""The demonstration's song: words, melody and chords, written for it."""

from __future__ import annotations

from auto_voice.inference.speech.singing import Note

BEATS_PER_MINUTE = 96.0
INTRO_BEATS = 8.0
OUTRO_BEATS = 4.0

CHORDS = "C C | C C C Am F G C C | F C G C | C".replace("|", "").split()
"""One a bar of four beats: introduction, verse, chorus, close."""

_VERSE = (1.0, 0.5, 1.0, 0.5, 1.0, 1.0, 2.0)
_CHORUS = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5)


def _line(syllables: str, pitches: tuple[int, ...], beats: tuple[float, ...]) -> list[Note]:
    """A line of eight beats: its notes, and a rest to breathe."""
    notes = [Note(*each) for each in zip(syllables.split(), pitches, beats, strict=True)]
    return [*notes, Note("", 0, 8.0 - sum(beats))]


LINES = [
    _line("Morn- ing light is on the wall,", (55, 55, 57, 55, 52, 53, 55), _VERSE),
    _line("I can hear the qui- et town,", (55, 55, 57, 55, 52, 50, 52), _VERSE),
    _line("ev- ery road I ev- er walked", (57, 57, 59, 57, 55, 53, 55), _VERSE),
    _line("brings me home when day is done.", (55, 53, 52, 50, 52, 50, 48), _VERSE),
    _line("Sing with me so soft and slow,", (60, 59, 57, 55, 57, 55, 55), _CHORUS),
    _line("let the riv- er take me home.", (57, 55, 53, 52, 53, 50, 48), _CHORUS),
]
"""Four lines of verse, two of chorus; C major, C3 to C4 (131 to 262 Hz)."""
