"""Generated clips carry an exact alignment, are the same each time, and are made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auto_voice.config import Settings
from auto_voice.errors import InvalidAudioError
from auto_voice.inference.speech.voices import VOICES
from auto_voice.training import generate as generating
from auto_voice.training.clips import Clip, clip_files
from auto_voice.training.generate import HELD_OUT_VOICES, generate, is_validation, make_clip
from auto_voice.training.singing_style import HIGHEST_HZ
from tiny_speech import TinyHalves

NUMBERS = range(1, 9)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [make_clip(number, 0, TinyHalves()) for number in NUMBERS]


def test_sound_alignment_and_curves_are_equally_long(clips: list[Clip]) -> None:
    for clip in clips:
        assert len(clip.samples) == 400 * clip.frames
        assert len(clip.f0) == 2 * clip.frames
        assert len(clip.tokens) == len(clip.durations) == len(clip.vectors)
        assert 13 <= clip.seconds <= 38 and (clip.durations > 0).all()


def test_vectors_are_those_of_the_tokens(clips: list[Clip]) -> None:
    spoken = TinyHalves().prosody("a", "af_heart")
    for clip in clips:
        assert clip.tokens[0] == clip.tokens[-1] == 0
        np.testing.assert_allclose(clip.vectors[0], spoken.content[:, 0], atol=2e-3)


def test_notes_stay_where_the_decoder_sings_them(clips: list[Clip]) -> None:
    assert {clip.sung for clip in clips} == {True, False}
    assert max(clip.f0.max() for clip in clips) <= HIGHEST_HZ


def test_a_clip_is_the_same_each_time(clips: list[Clip]) -> None:
    again = make_clip(NUMBERS[2], 0, TinyHalves())
    assert again.text == clips[2].text and again.voice == clips[2].voice
    np.testing.assert_array_equal(again.samples, clips[2].samples)
    assert make_clip(NUMBERS[2], 1, TinyHalves()).text != again.text


def test_some_clips_say_one_line_over_and_over() -> None:
    texts = [make_clip(number, 0, TinyHalves()).text.splitlines() for number in range(1, 25)]
    refrains = [lines for lines in texts if len(lines) > 1 and len(set(lines)) == 1]
    assert 0 < len(refrains) < len(texts) / 2


def test_held_out_voices_are_heard_in_validation_alone(clips: list[Clip]) -> None:
    for number, clip in zip(NUMBERS, clips, strict=True):
        assert not is_validation(number)
        assert not set(clip.voice.split("+")) & set(HELD_OUT_VOICES)
        assert set(clip.voice.split("+")) <= set(VOICES)
    assert make_clip(0, 0, TinyHalves()).voice in HELD_OUT_VOICES


def test_clips_that_are_there_are_not_made_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = TinyHalves()
    monkeypatch.setattr(generating, "_synthesizer", lambda _: halves)
    seen: list[float] = []
    minutes = generate(tmp_path / "clips", 0.5, settings, progress=seen.append)
    made, lines = clip_files(tmp_path / "clips"), halves.lines
    assert minutes >= 0.5 and lines > 0 and seen[-1] == 1.0

    made[0].unlink()
    assert generate(tmp_path / "clips", 0.5, settings) == pytest.approx(minutes)
    assert clip_files(tmp_path / "clips") == made
    assert 0 < halves.lines - lines < lines


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04 cut short", b"text"):
        (tmp_path / "clip-00000.npz").write_bytes(content)
        with pytest.raises(InvalidAudioError, match="not a training clip"):
            Clip.load(tmp_path / "clip-00000.npz")
    np.savez(tmp_path / "clip-00001.npz", samples=np.zeros(3))
    with pytest.raises(InvalidAudioError):
        Clip.load(tmp_path / "clip-00001.npz")
