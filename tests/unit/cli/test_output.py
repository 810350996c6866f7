"""What commands print: one JSON document or text on stdout, everything else on stderr."""

from __future__ import annotations

import json

import numpy as np
import pytest

from auto_voice.cli import output
from auto_voice.cli.output import emit, emit_json, progress_line, table, warn


def test_json_has_no_nan(capfd: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": np.float32(2), "d": np.float64("nan")})
    assert json.loads(capfd.readouterr().out) == {"a": None, "b": [None, 1.5], "c": 2.0, "d": None}


def test_json_keeps_every_script_readable(capfd: pytest.CaptureFixture[str]) -> None:
    emit_json({"name": "Żółć 歌"})
    assert "Żółć 歌" in capfd.readouterr().out


def test_text_that_is_no_unicode_is_printed_all_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    emit("broken \udcff name")  # what os.listdir gives for bytes that are no UTF-8
    assert "broken \\udcff name" in capfd.readouterr().out


def test_warnings_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    warn("take care")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "warning: take care\n")


def test_a_table_aligns_words_left_and_numbers_right() -> None:
    lines = table(["name", "MB"], [("a", 1), ("long", 100)]).splitlines()
    assert lines == ["name   MB", "────  ───", "a       1", "long  100"]


def test_progress_without_a_terminal_is_a_line_for_each_tenth(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_line("song.mp3") as show:
        for step in range(101):
            show(step / 100, "mixing")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "song.mp3:   0% mixing"
    assert lines[-1] == "song.mp3: 100% mixing"


def test_progress_serves_as_a_stages_callback(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_line("work") as show:
        show(0.5)
    assert capfd.readouterr().err == "work:  50%\n"


def test_the_time_left_is_reckoned_from_what_is_done(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([100.0, 200.0, 400.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(seconds))
    with progress_line("work", time_left=True) as show:
        for fraction in (0.0, 0.25, 0.8, 1.0):
            show(fraction)
    assert capfd.readouterr().err.splitlines() == [
        "work:   0%",
        "work:  25%, about 5:00 left",
        "work:  80%, about 1:15 left",
        "work: 100%",
    ]
