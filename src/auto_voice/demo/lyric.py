"""The demonstration's song: words, melody and chords, written for it."""

from __future__ import annotations

from auto_voice.inference.singing_synthesis import Note

BEATS_PER_MINUTE = 96.0
INTRO_BEATS = 8.0
OUTRO_BEATS = 4.0

CHORDS = "D D | D D D Bm G A D D | G D A D | D".replace("|", "").split()
"""One a bar of four beats: introduction, verse, chorus, close."""

_VERSE = (1.0, 0.5, 1.0, 0.5, 1.0, 1.0, 2.0)
_CHORUS = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5)


def _line(syllables: str, pitches: tuple[int, ...], beats: tuple[float, ...]) -> list[Note]:
    """A line of eight beats: its notes, and a rest to breathe."""
    notes = [Note(*each) for each in zip(syllables.split(), pitches, beats, strict=True)]
    return [*notes, Note("", 0, 8.0 - sum(beats))]


LINES = [
    _line("Morn- ing light is on the wall,", (57, 57, 59, 57, 54, 55, 57), _VERSE),
    _line("I can hear the qui- et town,", (57, 57, 59, 57, 54, 52, 54), _VERSE),
    _line("ev- ery road I ev- er walked", (59, 59, 61, 59, 57, 55, 57), _VERSE),
    _line("brings me home when I am down.", (57, 55, 54, 52, 54, 52, 50), _VERSE),
    _line("Sing it once and sing it slow,", (62, 61, 59, 57, 59, 57, 57), _CHORUS),
    _line("let the riv- er lead us home.", (59, 57, 55, 54, 55, 52, 50), _CHORUS),
]
"""Four lines of verse, two of chorus; D major, D3 to D4 (147 to 294 Hz)."""
