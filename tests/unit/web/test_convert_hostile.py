"""Nothing that comes in with a song crashes the service, leaves a file behind or makes a job."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simple_engines import song, wav
from web_house import SONG, WebHouse

NUMBERS = ["nan", "inf", "-inf", "1e400", "-1", "2.0001", "loud", "", "1,5", "0x1", "null", "[1]", "١٢", "9" * 5000]
SWITCHES = ["maybe", "2", "", "null", "true true"]
CHOICES = ["best", "FAST", "../fast", "balanced\x00", "ｆａｓｔ", "x" * 5000]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    """One service for all of it: whatever comes in, it stays as it was."""
    house = WebHouse(tmp_path_factory.mktemp("house"))
    yield house
    house.services.database.dispose()


def refused(house: WebHouse, *fields: tuple[str, Any], **more: Any) -> tuple[int, str]:
    answer = house.convert(*fields, **more)
    assert house.services.jobs.count() == 0
    assert house.files() == set()
    assert answer.json["message"]
    assert len(answer.data) < 20_000
    return answer.status_code, answer.json["code"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("vocal_volume", value) for value in NUMBERS),
        *(("instrumental_volume", value) for value in NUMBERS),
        *(("pitch_shift_semitones", value) for value in ["nan", "12.01", "-13", "inf", "", "automatic", "9" * 5000]),
        *(("quality_preset", value) for value in CHOICES),
        *(("output_format", value) for value in [*CHOICES, "aac", "WAV"]),
        *(("return_stems", value) for value in SWITCHES),
        *(("use_cache", value) for value in SWITCHES),
        *(("user_id", value) for value in ["", "x" * 101, "a\x00b"]),
    ],
)
def test_a_value_that_cannot_be_meant(house: WebHouse, field: str, value: str) -> None:
    assert refused(house, **{field: value}) == (400, "invalid_parameters")


@pytest.mark.parametrize(
    "value", ["", "Ada", "../../x", "%00", "x" * 5000, "🎵", "00000000-0000-0000-0000-00000000000Z"]
)
def test_a_voice_that_cannot_be(house: WebHouse, value: str) -> None:
    assert refused(house, target_profile_id=value) == (404, "profile_not_found")


@pytest.mark.parametrize("field", ["song", "target_profile_id"])
def test_a_field_that_is_missing(house: WebHouse, field: str) -> None:
    assert refused(house, **{field: None}) == (400, "missing_required_field")


def test_nothing_at_all(house: WebHouse) -> None:
    for sent in (
        {},
        {"data": b"", "content_type": "application/json"},
        {"json": {"song": "x"}},
        {"data": b"\xff" * 99},
    ):
        answer = house.client.post("/api/v1/convert/song", **sent)
        assert (answer.status_code, answer.json["code"]) == (400, "missing_required_field")


@pytest.mark.parametrize(
    "fields",
    [
        [("song", (io.BytesIO(SONG), "b.wav"))],
        [("audio", (io.BytesIO(SONG), "b.wav"))],
        [("target_profile_id", "x")],
        [("profile_id", "x")],
        [("vocal_volume", "1"), ("vocal_volume", "1")],
        [("pitch_shift", "1"), ("pitch_shift_semitones", "1")],
        [("preset", "fast"), ("quality_preset", "fast")],
        [("vocal_volume", (io.BytesIO(b"1"), "1.txt"))],
    ],
)
def test_what_is_given_twice_or_in_the_wrong_form(house: WebHouse, fields: list[tuple[str, Any]]) -> None:
    copies = [(name, (io.BytesIO(SONG), value[1]) if isinstance(value, tuple) else value) for name, value in fields]
    assert refused(house, *copies) == (400, "invalid_parameters")


def test_a_text_in_place_of_the_song(house: WebHouse) -> None:
    assert refused(house, ("song", "la la la"), song=None) == (400, "invalid_parameters")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"RIFF\xff\xff\xff\xffWAVE",
        b"<html>" * 500,
        b"#EXTM3U\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"PK\x03\x04" + b"\0" * 500,
        SONG[:40],
    ],
)
@pytest.mark.parametrize("name", ["song.wav", "../../song.flac"])
def test_what_is_no_recording(house: WebHouse, content: bytes, name: str) -> None:
    status, code = refused(house, ("song", (io.BytesIO(content), name)), song=None)
    assert (status, code) == (400, "invalid_audio")


def test_a_song_that_is_over_before_it_began(house: WebHouse) -> None:
    assert refused(house, song=wav(song(0.5))) == (400, "audio_too_short")


def test_a_song_larger_than_allowed(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", limits__max_audio_size_mb=1)
    assert refused(house, song=SONG + b"\0" * (1 << 20)) == (413, "file_too_large")


def test_a_song_longer_than_allowed(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", limits__max_song_duration_s=1.2)
    assert refused(house) == (413, "file_too_large")
