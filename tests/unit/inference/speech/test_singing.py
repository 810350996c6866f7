"""A lyric laid on a melody."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import InvalidParametersError
from auto_voice.inference.speech.singing import FRAME, Note, sing, words_of
from auto_voice.inference.synthesis import Prosody

BPM = 120.0  # a beat is 20 frames


class Speaker:
    """Says every sound in four frames, voiced where it is a letter; sings by returning F0 as samples."""

    sample_rate = 24000

    def __init__(self) -> None:
        self.sung: list[Prosody] = []

    def prosody(self, sounds: str, voice: str, speed: float = 1.0) -> Prosody:
        tokens = ["", *sounds, ""]
        content = np.repeat(np.arange(len(tokens), dtype=np.float32), 4)[None].repeat(512, 0)
        voiced = np.repeat([float(token not in ("", " ", "s", "t", "k", "f")) for token in tokens], 8)
        f0 = (voiced * 120).astype(np.float32)
        return Prosody(content=content, f0=f0, energy=f0 * 0 + 1, style=np.zeros(256, np.float32))

    def decode(self, prosody: Prosody) -> Audio:
        self.sung.append(prosody)
        return Audio(np.repeat(prosody.f0, 300)[None].astype(np.float32), self.sample_rate)


LINE = [Note("riv-", 50, 1), Note("er", 57, 2), Note("go", 53, 1), Note("", 0, 2)]


def test_the_sound_is_as_long_as_the_notes() -> None:
    sung = sing([LINE, LINE], "af_heart", BPM, Speaker())  # type: ignore[arg-type]

    assert sung.audio.duration == pytest.approx(2 * 6 * 0.5)
    assert len(sung.f0.f0) * sung.f0.hop_seconds == pytest.approx(6.0)
    assert sung.f0.hop_seconds == FRAME / 2


@pytest.mark.parametrize(("beat", "midi"), [(0.6, 50), (2.0, 57), (3.5, 53), (6.6, 50), (8.0, 57)])
def test_each_note_has_its_pitch_in_its_place(beat: float, midi: float) -> None:
    sung = sing([LINE, LINE], "af_heart", BPM, Speaker())  # type: ignore[arg-type]
    hertz = sung.f0.f0[round(beat * 0.5 / sung.f0.hop_seconds)]

    assert 1200 * abs(np.log2(hertz / (440 * 2 ** ((midi - 69) / 12)))) < 30


def test_rests_are_unvoiced() -> None:
    sung = sing([LINE], "af_heart", BPM, Speaker())  # type: ignore[arg-type]
    rest = sung.f0.f0[round(4.8 * 0.5 / sung.f0.hop_seconds) :]
    assert not rest.any()


def test_sounds_keep_their_order_and_vowels_take_the_time() -> None:
    speaker = Speaker()
    sing([LINE], "af_heart", BPM, speaker)  # type: ignore[arg-type]
    (prosody,) = speaker.sung
    lengths = np.unique(prosody.content[0], return_counts=True)[1]

    assert np.all(np.diff(prosody.content[0]) >= 0)
    assert lengths.max() > 25  # the vowel on the two-beat note
    assert np.median(lengths) < 8


def test_a_vowel_may_be_carried_over_several_notes() -> None:
    line = [Note("go", 50, 1), Note("-", 55, 1), Note("", 0, 1)]
    sung = sing([line], "af_heart", BPM, Speaker())  # type: ignore[arg-type]
    place = lambda beat: sung.f0.f0[round(beat * 0.5 / sung.f0.hop_seconds)]  # noqa: E731
    assert place(1.5) / place(0.5) == pytest.approx(2 ** (5 / 12), rel=0.02)


def test_syllables_make_words() -> None:
    assert words_of(
        [Note("Morn-", 50, 1), Note("ing", 50, 1), Note("-", 52, 1), Note("light", 50, 1), Note("", 0, 1)]
    ) == ("Morning light")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ([Note("go", 30, 1)], "cannot be sung"),
        ([Note("go", 70, 1)], "cannot be sung"),
        ([Note("go-", 50, 1), Note("ne", 50, 1)], "more notes than syllables"),
    ],
)
def test_what_cannot_be_sung_is_refused(line: list[Note], reason: str) -> None:
    with pytest.raises(InvalidParametersError, match=reason):
        sing([line], "af_heart", BPM, Speaker())  # type: ignore[arg-type]
