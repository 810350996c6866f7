"""The benchmark of conversions: what it counts, whom it picks, and what its means are."""

from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from _conversion_measures import Likeness, Row, in_range, level_where_quiet, mean, moved, wer, words_lost
from _conversion_pairs import chosen, excerpt, profile_count, source_names, target_names
from _conversion_table import grouped, picture, slices, summarise, summary_line
from _joint_pitch import MelodyAccuracy, Readings, agreed, aligned, compare, median_hz
from _recordings import HELD_OUT_READERS, READERS, SPEECH_SOURCES
from _spoken_voice import Spoken
from auto_voice.audio import Audio
from auto_voice.features import PitchContour
from conversion_quality import read_json, write_json

RATE = 16_000
NOTE = np.full(100, 220.0)
UP_A_SEMITONE = NOTE * 2 ** (1 / 12)


def readings(one: np.ndarray, other: np.ndarray) -> Readings:
    return np.stack([one, other])


def sound(level: float, seconds: float = 1.0) -> Audio:
    return Audio(np.full((1, int(seconds * RATE)), level, dtype=np.float32), RATE)


def row(**changes: object) -> Row:
    likeness = Likeness(profile=0.8, held_out=0.7, source=0.6, before=0.5, ceiling=0.95, held_out_ceiling=0.9)
    plain = Row(
        source="song-0s",
        group="song",
        spoken=False,
        target="1688",
        target_kind="readers",
        held_out=False,
        semitones=0.0,
        in_range=True,
        likeness={"ge2e": likeness},
        melody=MelodyAccuracy(median_cents=2.0, rpa50=0.9, rmse_hz=4.0, doubtful=0.01, voicing=0.95),
        words=10,
        wer=0.3,
        own_wer=0.1,
        mos=3.0,
        own_mos=3.5,
        dnsmos=2.5,
        own_dnsmos=2.6,
        silence_dbfs=-60.0,
        rtf=2.0,
    )
    return replace(plain, **changes)


SPOKEN = Spoken("1688", False, "Hello there.", "Hello their.", {"ge2e": (0.9, 0.8)}, 0.5, 4.0, 3.0, 5.0)


class TestMelody:
    def test_the_same_melody_has_no_error(self) -> None:
        same = compare(readings(NOTE, NOTE), readings(NOTE, NOTE), 0.0)
        assert same == MelodyAccuracy(median_cents=0.0, rpa50=1.0, rmse_hz=0.0, doubtful=0.0, voicing=1.0)

    def test_another_note_is_another_note_whoever_listens(self) -> None:
        found = compare(readings(NOTE, NOTE), readings(UP_A_SEMITONE, UP_A_SEMITONE), 0.0)
        assert found.median_cents == pytest.approx(100)
        assert found.rmse_hz == pytest.approx(220 * (2 ** (1 / 12) - 1))
        assert found.rpa50 == 0.0

    def test_the_transposition_that_was_asked_for_is_no_error(self) -> None:
        found = compare(readings(NOTE, NOTE), readings(UP_A_SEMITONE, UP_A_SEMITONE), 1.0)
        assert found.median_cents == pytest.approx(0, abs=1e-6)

    def test_one_trackers_octave_slip_is_not_the_singers(self) -> None:
        slipped = NOTE.copy()
        slipped[20:40] /= 2
        found = compare(readings(NOTE, NOTE), readings(slipped, NOTE), 0.0)
        assert (found.rpa50, found.doubtful) == (1.0, 0.2)
        assert compare(readings(NOTE, slipped), readings(NOTE, NOTE), 0.0).rpa50 == 1.0

    def test_an_octave_that_both_trackers_hear_is_sung(self) -> None:
        low = NOTE.copy()
        low[:50] /= 2
        found = compare(readings(NOTE, NOTE), readings(low, low), 0.0)
        assert found.rpa50 == 0.5
        assert found.rmse_hz == pytest.approx(110 * math.sqrt(0.5))

    def test_where_the_source_is_in_doubt_nothing_is_counted(self) -> None:
        source = readings(NOTE, np.where(np.arange(100) < 50, NOTE, NOTE * 1.2))
        sung = np.where(np.arange(100) < 50, NOTE, 500.0)
        assert compare(source, readings(sung, sung), 0.0).rpa50 == 1.0
        assert (agreed(source) > 0).sum() == 50

    def test_a_missed_note_is_wrong_and_its_voicing_too(self) -> None:
        half = np.where(np.arange(100) < 50, NOTE, 0.0)
        found = compare(readings(NOTE, NOTE), readings(half, half), 0.0)
        assert (found.rpa50, found.voicing, found.median_cents) == (0.5, 0.5, 0.0)

    def test_voicing_in_doubt_is_left_out(self) -> None:
        half = np.where(np.arange(100) < 50, NOTE, 0.0)
        assert compare(readings(NOTE, NOTE), readings(half, NOTE), 0.0).voicing == 1.0

    def test_without_a_melody_there_are_no_figures(self) -> None:
        silence = np.zeros(100)
        found = compare(readings(silence, silence), readings(NOTE, NOTE), 0.0)
        assert math.isnan(found.rpa50)
        assert math.isnan(found.median_cents)
        assert found.voicing == 0.0
        assert math.isnan(median_hz(readings(silence, silence)))

    def test_trackers_with_different_clocks_are_heard_on_one(self) -> None:
        contours = [
            PitchContour(f0=np.full(count, 220, np.float32), confidence=np.ones(count, np.float32), hop_seconds=hop)
            for count, hop in ((100, 0.01), (120, 0.008))
        ]
        together = aligned(contours)
        assert together.shape[0] == 2
        assert 95 <= together.shape[1] <= 97
        assert median_hz(together) == pytest.approx(220)


class TestPairs:
    def test_nobody_speaks_in_the_sources_whom_they_are_converted_into(self) -> None:
        speakers = {name.partition("-")[0] for name in SPEECH_SOURCES}
        assert not speakers & set(READERS)
        assert len(speakers) == 3

    def test_two_of_the_readers_are_held_out(self) -> None:
        assert set(HELD_OUT_READERS) < set(READERS)
        assert set(READERS) < set(target_names())

    def test_names_numbers_and_beginnings_choose(self) -> None:
        assert chosen(target_names(), None) == target_names()
        assert chosen(target_names(), ["3331", "1688"]) == ["1688", "3331"]
        assert chosen(target_names(), ["2"]) == target_names()[:2]
        assert chosen(source_names(), ["vocadito_1"]) == ["vocadito_1"]
        assert chosen(source_names(), ["sms", "8975"]) == ["sms-singing-female", "sms-vignesh", "8975-270782-0000"]
        with pytest.raises(SystemExit, match="lithium"):
            chosen(source_names(), ["helium"])

    def test_a_profile_is_a_minute_and_leaves_something_to_be_held_out(self) -> None:
        assert profile_count([10.0] * 10) == 6
        assert profile_count([15.0, 20.0, 20.0, 4.0, 4.0, 3.0]) == 4
        assert profile_count([20.0, 20.0, 2.0]) == 1

    def test_an_excerpt_is_what_lies_between(self) -> None:
        ramp = Audio(np.arange(4 * RATE, dtype=np.float32)[None], RATE)
        part = excerpt(ramp, 1.0, 3.0)
        assert part.duration == 2.0
        assert part.samples[0, 0] == RATE


class TestMeasures:
    @pytest.mark.parametrize(
        ("source_hz", "semitones", "target_hz", "expected"),
        [(220, 0, 220, True), (220, 0, 146, False), (220, 0, 148, True), (440, 0, 220, False), (440, -12, 220, True)],
    )
    def test_a_pair_is_in_range_within_a_fifth(
        self, source_hz: float, semitones: float, target_hz: float, expected: bool
    ) -> None:
        assert in_range(source_hz, semitones, target_hz) is expected

    def test_leakage_is_the_level_where_the_source_is_silent(self) -> None:
        def both(first: float, second: float) -> Audio:
            return Audio(np.concatenate([sound(first).samples, sound(second).samples], axis=1), RATE)

        assert level_where_quiet(both(0.5, 0.01), both(0.5, 0.0)) == pytest.approx(-40, abs=0.1)
        assert level_where_quiet(both(0.5, 0.0), both(0.5, 0.5)) is None

    def test_babble_counts_once_and_no_words_not_at_all(self) -> None:
        assert wer("we sing until dawn", "We sing until dawn!", "en") == 0.0
        assert wer("yes of course I do", "no " * 20, "en") == 1.0
        assert wer("", "something", "en") is None
        assert wer("Man, man, man, man, man, man!", "something", "en") is None

    def test_words_are_lost_of_all_words(self) -> None:
        rows = [row(words=30, wer=0.2, own_wer=0.1), row(words=10, wer=0.6, own_wer=0.1), row(wer=None)]
        assert words_lost(rows) == pytest.approx((30 * 0.1 + 10 * 0.5) / 40)
        assert math.isnan(words_lost([row(words=0, wer=None, own_wer=None)]))

    def test_a_source_is_heard_again_a_little_later_and_quieter(self) -> None:
        again = moved(sound(1.0))
        assert again.duration == pytest.approx(1.007)
        assert again.samples[0, -1] == pytest.approx(0.708, abs=0.001)

    def test_a_mean_is_of_what_is_known(self) -> None:
        assert mean([1.0, None, float("nan"), 3.0]) == 2.0
        assert math.isnan(mean([None]))


class TestTable:
    ROWS = (
        row(),
        row(source="reader", group="readers", spoken=True, wer=0.1, in_range=False),
        row(target="3331", held_out=True, wer=None, own_wer=None, silence_dbfs=None),
    )

    def test_means_are_over_pairs_and_leave_out_what_is_unknown(self) -> None:
        means = summarise(self.ROWS)
        assert means["pairs"] == 3
        assert means["wer_over_own"] == pytest.approx(0.1)
        assert means["mos_change"] == pytest.approx(-0.5)
        assert means["silence_dbfs"] == -60.0
        assert means["likeness"]["ge2e"]["held_out"] == pytest.approx(0.7)

    def test_rows_are_counted_where_they_belong(self) -> None:
        parts = slices(self.ROWS)
        assert {name: len(part) for name, part in parts.items()} == {
            "speech": 1,
            "sung": 2,
            "onto readers": 3,
            "onto singers": 0,
            "in range": 2,
            "held-out voices": 1,
            "mean": 3,
        }
        assert list(grouped(self.ROWS, lambda each: each.group)) == ["song", "readers"]

    def test_the_summary_names_what_counts(self) -> None:
        line = summary_line(self.ROWS)
        assert "conversion quality, 3 pairs: similarity ge2e 0.800" in line
        assert "words speech +0.0 sung +20.0 points" in line
        assert "MOS -0.50" in line

    def test_what_was_not_measured_is_nan_in_the_summary(self) -> None:
        assert "held-out voices nan" in summary_line([row()])

    def test_what_was_written_is_read_back(self, tmp_path: Path) -> None:
        unvoiced = MelodyAccuracy(math.nan, math.nan, math.nan, math.nan, math.nan)
        rows = [*self.ROWS, row(melody=unvoiced)]
        write_json(tmp_path / "run.json", Namespace(quick=True), rows, [SPOKEN])
        again, spoken = read_json(tmp_path / "run.json")
        assert again[:-1] == rows[:-1] and spoken == [SPOKEN]
        assert math.isnan(again[-1].melody.rpa50)
        assert summary_line(again) == summary_line(rows)

    def test_a_picture_shows_a_pair(self, tmp_path: Path) -> None:
        melody = readings(NOTE, NOTE)
        picture(tmp_path / "pair.png", row(), (sound(0.1), sound(0.0)), (melody, melody))
        assert (tmp_path / "pair.png").read_bytes().startswith(b"\x89PNG")
