"""The page about a conversion."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from auto_voice.audio import Audio, write
from auto_voice.errors import StorageError
from auto_voice.features import PitchContour
from auto_voice.report import ConversionReport, Track, write_report
from auto_voice.report.curves import melodies
from auto_voice.report.scores import reasons, score_rows

RATE = 16_000
METRICS: dict[str, Any] = {
    "pitch_accuracy": {
        "rmse_hz": 12.0,
        "rmse_cents": 60.0,
        "median_cents": 8.0,
        "rpa50": 0.955,
        "correlation": None,
        "voiced_accuracy": 0.9,
        "reason": "correlation: a contour that never moves has none",
    },
    "speaker_similarity": {
        "cosine_similarity": 0.86,
        "ceiling": 0.97,
        "original_similarity": 0.6,
        "encoder": "ge2e",
        "reason": None,
    },
    "naturalness": {
        "mos": None,
        "original_mos": None,
        "mos_change": None,
        "dnsmos": None,
        "seconds_scored": None,
        "predictor": "distillmos",
        "reason": "there is nothing but silence",
    },
    "intelligibility": {"wer": None, "reason": "not asked for"},
    "overall_quality_score": 0.8,
}


class Page(HTMLParser):
    """Tags, texts and addresses of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def sound(seconds: float = 2.0) -> Audio:
    wave = 0.3 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)
    return Audio(wave[None].astype(np.float32), RATE)


def melody(frames: int = 200) -> PitchContour:
    f0 = np.full(frames, 220, dtype=np.float32)
    f0[50:60] = 0
    return PitchContour(f0=f0, confidence=np.ones(frames, dtype=np.float32), hop_seconds=0.01)


def full_report(folder: Path) -> ConversionReport:
    for name in ("song.wav", "mine.wav", "spoken.wav"):
        write(folder / name, sound())
    return ConversionReport(
        title="A song",
        original=Track("The song", folder / "song.wav"),
        converted=Track("In my voice", folder / "mine.wav"),
        original_vocals=Track("Vocals before", None, sound()),
        converted_vocals=Track("Vocals after", None, sound()),
        spoken=Track("Spoken", folder / "spoken.wav", note="Good morning."),
        original_pitch=melody(),
        converted_pitch=melody(),
        transposition_semitones=-12,
        metrics=METRICS,
        stage_seconds={"source_separation": 8.0, "audio_mixing": 0.25},
        warnings=["Something was replaced."],
        settings={"preset": "balanced", "cache": True, "gain": 0.5},
    )


def test_the_page_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, full_report(tmp_path))
    page = Page(path)
    assert page.tags.count("audio") == 3
    assert page.tags.count("img") == 2
    assert len(re.findall(r'class="fill"', page.html)) == 2
    assert "moved by -12 semitones" in page.text
    for text in ("Good morning.", "Something was replaced.", "8.0 s", "balanced", "ceiling 0.97", "not measured"):
        assert text in page.text


def test_the_page_needs_no_network_and_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, full_report(tmp_path))
    page = Page(path)
    assert not re.search(r"https?://", page.html)
    files = [address for address in page.addresses if not address.startswith("data:image/png;base64,")]
    assert files
    assert all((tmp_path / unquote(address)).is_file() for address in files)
    assert path.stat().st_size < 600_000


def test_sounds_in_another_folder_are_linked_relatively(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    path = tmp_path / "pages" / "report.html"
    write_report(path, full_report(tmp_path))
    assert "./../song.wav" in Page(path).addresses


@pytest.mark.parametrize(
    "name", ['"><script>alert(1)</script>.wav', "a b#c?d%20.wav", "né ♪ 夜.wav", "javascript:alert(1).wav", "'&.wav"]
)
def test_a_hostile_file_name_stays_a_name(name: str, tmp_path: Path) -> None:
    sounds = tmp_path / (name.replace("/", "\\"))
    write(sounds, sound())
    path = tmp_path / "report.html"
    track = Track(name, sounds)
    write_report(path, ConversionReport(title=name, original=track, converted=track, warnings=[name]))
    page = Page(path)
    assert page.tags.count("script") == 1
    assert name in page.text
    links = [address for address in page.addresses if not address.startswith("data:")]
    assert links
    assert {(tmp_path / unquote(link)) for link in links} == {sounds}
    assert all(link.startswith("./") for link in links)


def test_a_report_of_the_least_there_can_be(tmp_path: Path) -> None:
    silent = Audio(np.zeros((1, 0), dtype=np.float32), RATE)
    path = tmp_path / "report.html"
    write_report(
        path,
        ConversionReport(title="", original=Track("a", None, silent), converted=Track("b", None, silent)),
    )
    page = Page(path)
    assert not {"audio", "svg", "img", "table"} & set(page.tags)


@pytest.mark.parametrize("seconds", [0.001, 0.3, 59.0, 1800.0])
def test_recordings_of_any_length_can_be_drawn(seconds: float, tmp_path: Path) -> None:
    audio = Audio(np.ones((1, max(1, int(seconds * 100))), dtype=np.float32), 100 if seconds > 1 else 48_000)
    path = tmp_path / "report.html"
    track = Track("a", None, audio)
    write_report(
        path, ConversionReport(title="", original=track, converted=track, original_pitch=melody(int(seconds * 100)))
    )
    assert path.stat().st_size < 400_000


def test_silence_and_samples_that_are_no_numbers_can_be_drawn(tmp_path: Path) -> None:
    silence = Track("a", None, Audio(np.zeros((2, RATE), dtype=np.float32), RATE))
    broken = Track("b", None, Audio(np.full((1, RATE), np.nan, dtype=np.float32), RATE))
    path = tmp_path / "report.html"
    write_report(path, ConversionReport(title="", original=silence, converted=broken))
    assert "nan" not in re.sub(r"base64,[^\"]*", "", Page(path).html).lower()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        write_report(tmp_path / "nowhere" / "report.html", full_report(tmp_path))


def test_scores_stand_beside_their_targets() -> None:
    rows = {row.name: row for row in score_rows(METRICS)}
    assert (rows["Overall quality"].value, rows["Overall quality"].status) == ("0.800", "met")
    assert (rows["Pitch error (RMSE)"].target, rows["Pitch error (RMSE)"].status) == ("≤ 10.0 Hz", "missed")
    assert (rows["Naturalness (1 to 5)"].value, rows["Change in naturalness"].status) == ("not measured", "")


def test_what_is_missing_has_a_reason_but_for_what_nobody_asked_for() -> None:
    assert reasons(METRICS) == [
        "Pitch accuracy: correlation: a contour that never moves has none.",
        "Naturalness: there is nothing but silence.",
    ]
    assert reasons({"naturalness": {"reason": "dnsmos: not asked for"}}) == []


def test_metrics_that_failed_as_a_whole_still_say_why() -> None:
    failed = {"overall_quality_score": None, "reason": "the scorer broke"}
    assert [row.value for row in score_rows(failed)] == ["not measured"]
    assert reasons(failed) == ["the scorer broke."]


def test_a_melody_is_drawn_through_glides_but_not_through_leaps_of_the_tracker() -> None:
    glide = np.geomspace(220, 330, 50)
    contour = PitchContour(
        f0=np.concatenate([glide, np.full(5, 66.0)]).astype(np.float32),
        confidence=np.ones(55, np.float32),
        hop_seconds=0.01,
    )
    picture = melodies(contour, None, 0.0, 0.55)
    assert picture is not None
    assert picture.original.count("M") == 2
    assert picture.original.count("L") == 53
