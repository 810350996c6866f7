"""From a network's frames to a melody: voicing, and octaves."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.features import PitchContour
from auto_voice.inference.pitch.framing import frame_levels, in_pieces
from auto_voice.inference.pitch.tracking import Voicing, melody

HOP = 0.01
VOICING = Voicing(onset=0.5, release=0.35)


def track(
    pitch: list[float], confidence: float | list[float] = 0.9, level: float | list[float] = -20.0
) -> PitchContour:
    frames = np.array(pitch, np.float32)
    return melody(
        frames,
        np.broadcast_to(np.asarray(confidence, np.float32), frames.shape),
        np.broadcast_to(np.asarray(level, np.float32), frames.shape),
        HOP,
        VOICING,
    )


@pytest.mark.parametrize("wrong", [110.0, 440.0, 1310.0])
def test_a_short_slip_is_mended(wrong: float) -> None:
    contour = track([220.0] * 30 + [wrong] * 5 + [220.0] * 30)
    np.testing.assert_allclose(contour.f0, 220.0, rtol=1e-5)


def test_a_slip_at_the_first_note_is_mended() -> None:
    contour = track([110.0] * 3 + [220.0] * 60)
    np.testing.assert_allclose(contour.f0, 220.0, rtol=1e-5)


@pytest.mark.parametrize("leap", [2.0, 0.5, 1.5, 2.9])
def test_a_sung_leap_stays(leap: float) -> None:
    sung = [220.0] * 30 + [220.0 * leap] * 15 + [220.0] * 30
    np.testing.assert_allclose(track(sung).f0, sung, rtol=1e-5)


def test_vibrato_and_glides_are_left_alone() -> None:
    sung = 220 * 2 ** (np.sin(np.arange(300) / 3) / 12 + np.arange(300) / 200)
    np.testing.assert_allclose(track(list(sung)).f0, sung, rtol=1e-5)


def test_silence_is_never_voiced_however_sure_the_network() -> None:
    contour = track([220.0] * 20, confidence=1.0, level=[-20.0] * 10 + [-61.0] * 10)
    assert contour.voiced.tolist() == [True] * 10 + [False] * 10
    assert not contour.confidence[10:].any()


def test_a_quiet_recording_has_its_own_silence() -> None:
    assert track([220.0] * 20, level=-65.0).voiced.all()
    assert not track([220.0] * 20, level=-90.0).voiced.any()


def test_a_note_begins_when_it_is_sure_and_dies_away_slowly() -> None:
    contour = track([220.0] * 16, confidence=[0.9] * 4 + [0.4] * 4 + [0.1] * 4 + [0.4] * 4)
    assert contour.voiced.tolist() == [True] * 8 + [False] * 8


def test_dropouts_inside_a_note_are_bridged_and_consonants_are_not() -> None:
    sure = [0.9] * 10
    assert track([220.0] * 22, confidence=[*sure, 0.0, 0.0, *sure]).voiced.all()
    assert track([220.0] * 26, confidence=sure + [0.0] * 6 + sure).voiced.sum() == 20


def test_a_break_between_two_notes_is_no_dropout() -> None:
    contour = track([220.0] * 10 + [0.0] * 2 + [330.0] * 10, confidence=[0.9] * 10 + [0.0] * 2 + [0.9] * 10)
    assert contour.voiced.sum() == 20


def test_specks_are_no_notes() -> None:
    assert not track([220.0] * 12, confidence=[0.0] * 5 + [0.9] * 2 + [0.0] * 5).voiced.any()


def test_what_nobody_can_sing_is_not_voiced() -> None:
    assert not track([30.0] * 20).voiced.any()
    assert not track([1900.0] * 20).voiced.any()


def test_nothing_gives_nothing() -> None:
    assert track([]).f0.shape == (0,)


def test_levels_are_those_around_each_frame() -> None:
    samples = np.concatenate([np.zeros(1600), np.full(1600, 0.1)]).astype(np.float32)
    levels = frame_levels(samples, 160)
    assert levels.shape == (21,)
    assert levels[5] < -100
    np.testing.assert_allclose(levels[13:18], -20, atol=0.1)


@pytest.mark.parametrize("length", [1, 7, 100, 999, 1000, 1001])
def test_pieces_join_without_a_seam(length: int) -> None:
    """A pitch that depends on 8 samples to each side comes out the same in pieces as in one."""
    samples = np.random.default_rng(0).random(length).astype(np.float32)
    heard: list[float] = []

    def find(piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        padded = np.pad(piece, (8, 18))
        frames = np.array([padded[i : i + 17].sum() for i in range(0, piece.size + 1, 10)], np.float32)
        return frames, frames / 17

    whole = find(samples)
    pieces = in_pieces(samples, 10, 7, 2, find, heard.append)
    np.testing.assert_allclose(pieces[0], whole[0], rtol=1e-5)
    np.testing.assert_allclose(pieces[1], whole[1], rtol=1e-5)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
