"""Handing in a song: what becomes of it, once, for its owner."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from auto_voice.web.models.conversion import ConversionAccepted
from simple_engines import make_profile
from web_house import SONG, WebHouse

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_a_song_becomes_a_job_at_once(house: WebHouse) -> None:
    answer = house.convert()
    assert answer.status_code == 202
    told = answer.json
    ConversionAccepted.model_validate(told, extra="forbid")
    job_id = told["conversion_id"]
    assert re.fullmatch(r"conv-[0-9a-f-]{36}", job_id)
    assert told["status"] == "queued"
    assert told["estimated_time_seconds"] > 0
    assert told["status_url"] == told["progress_url"] == f"/api/v1/convert/status/{job_id}"
    assert told["websocket_url"] == f"ws://localhost/ws/conversion/{job_id}"
    assert answer.headers["Location"] == told["status_url"]
    assert house.client.get(told["status_url"]).json["status"] == "queued"


def test_the_song_lies_in_the_folder_of_its_job_and_nowhere_else(house: WebHouse) -> None:
    job = house.made()
    stored = house.services.paths.job_input(job.job_id)
    assert stored.read_bytes() == SONG
    assert house.files() == {stored}


def test_what_is_not_said_is_as_the_api_promises(house: WebHouse) -> None:
    job = house.made()
    assert job.kind == "conversion"
    assert job.owner == "default"
    assert job.profile_id == house.voice
    assert job.work_seconds == pytest.approx(1.5)
    assert job.parameters == {
        "profile_id": house.voice,
        "user_id": "default",
        "song_name": "song.wav",
        "vocal_volume": 1.0,
        "instrumental_volume": 0.9,
        "pitch_shift": 0.0,
        "preset": "balanced",
        "return_stems": False,
        "use_cache": True,
        "output_format": "wav",
    }


def test_every_field_arrives(house: WebHouse) -> None:
    job = house.made(
        vocal_volume="2",
        instrumental_volume="0.5",
        pitch_shift_semitones="-3.5",
        quality_preset="fast",
        return_stems="true",
        use_cache="false",
        output_format="mp3",
    )
    wanted = {
        "vocal_volume": 2.0,
        "instrumental_volume": 0.5,
        "pitch_shift": -3.5,
        "preset": "fast",
        "return_stems": True,
        "use_cache": False,
        "output_format": "mp3",
    }
    assert job.parameters.items() >= wanted.items()


def test_every_alias_is_known(house: WebHouse) -> None:
    job = house.made(
        song=None,
        audio=(io.BytesIO(SONG), "other.wav"),
        target_profile_id=None,
        profile_id=house.voice,
        pitch_shift="auto",
        preset="quality",
    )
    wanted = {"profile_id": house.voice, "song_name": "other.wav", "pitch_shift": "auto", "preset": "quality"}
    assert job.parameters.items() >= wanted.items()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        (r"C:\\Music\\tune.mp3", "tune.mp3"),
        ("Füße \u202e\x07.mp3", "Füße .mp3"),
        ("x" * 5000, "x" * 200),
    ],
)
def test_the_file_name_is_only_for_people(house: WebHouse, name: str, shown: str) -> None:
    job = house.made(song=None, audio=(io.BytesIO(SONG), name))
    assert job.parameters["song_name"] == shown
    assert house.files() == {house.services.paths.job_input(job.job_id)}


def test_what_the_file_is_said_to_be_does_not_count(house: WebHouse) -> None:
    file = (io.BytesIO(SONG), "virus.exe", "application/x-msdownload")
    assert house.convert(("song", file), song=None).status_code == 202


def test_a_bare_request_finds_the_voice_of_whoever_made_it(house: WebHouse) -> None:
    """The runbook clones with a `user_id` and converts without one; that works where no keys are needed."""
    voice = make_profile(house.settings, user_id="user123").profile_id
    assert house.made(target_profile_id=voice).parameters["user_id"] == "user123"


def test_a_voice_of_another_owner_is_not_there(house: WebHouse) -> None:
    voice = make_profile(house.settings, user_id="bob").profile_id
    answer = house.convert(target_profile_id=voice, user_id="ann")
    assert (answer.status_code, answer.json["code"]) == (404, "profile_not_found")
    assert house.files() == set()


def test_a_voice_that_nobody_has_is_not_there(house: WebHouse) -> None:
    answer = house.convert(target_profile_id=UNKNOWN)
    assert (answer.status_code, answer.json["code"]) == (404, "profile_not_found")
    assert house.files() == set()
    assert house.services.jobs.count() == 0


class TestWithKeys:
    def test_a_job_belongs_to_the_user_of_the_key(self, locked_house: WebHouse) -> None:
        ann = locked_house.key("ann")
        voice = make_profile(locked_house.settings, user_id="ann").profile_id
        answer = locked_house.convert(target_profile_id=voice, headers=ann)
        assert locked_house.services.jobs.get(answer.json["conversion_id"]).owner == "ann"

    def test_no_key_leaves_no_trace(self, locked_house: WebHouse) -> None:
        assert locked_house.convert().status_code == 401
        assert locked_house.files() == set()

    def test_another_users_voice_is_as_unknown_as_none(self, locked_house: WebHouse) -> None:
        ann = locked_house.key("ann")
        others = make_profile(locked_house.settings, user_id="bob").profile_id
        refused = [locked_house.convert(target_profile_id=voice, headers=ann) for voice in (others, UNKNOWN)]
        assert [answer.status_code for answer in refused] == [404, 404]
        assert refused[0].json == refused[1].json

    def test_nobody_acts_for_another(self, locked_house: WebHouse) -> None:
        ann = locked_house.key("ann")
        voice = make_profile(locked_house.settings, user_id="ann").profile_id
        answer = locked_house.convert(target_profile_id=voice, user_id="bob", headers=ann)
        assert (answer.status_code, answer.json["code"]) == (404, "profile_not_found")

    def test_an_administrator_acts_for_another(self, locked_house: WebHouse) -> None:
        root = locked_house.key("root", "admin")
        voice = make_profile(locked_house.settings, user_id="bob").profile_id
        answer = locked_house.convert(target_profile_id=voice, user_id="bob", headers=root)
        assert locked_house.services.jobs.get(answer.json["conversion_id"]).owner == "bob"


class TestIdempotency:
    KEY = {"Idempotency-Key": "order-17"}  # noqa: RUF012

    def test_the_same_request_with_the_same_key_is_one_job(self, house: WebHouse) -> None:
        first, second = house.convert(headers=self.KEY), house.convert(headers=self.KEY)
        assert second.status_code == 202
        assert first.json["conversion_id"] == second.json["conversion_id"]
        assert house.services.jobs.count() == 1
        assert len(house.files()) == 1

    def test_not_even_at_the_same_moment_is_it_two(self, house: WebHouse) -> None:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: house.convert(headers=self.KEY), range(6)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json["conversion_id"] for answer in answers}) == 1
        assert house.services.jobs.count() == 1
        assert len(house.files()) == 1

    def test_without_a_key_it_is_two(self, house: WebHouse) -> None:
        assert house.made().job_id != house.made().job_id

    @pytest.mark.parametrize("change", [{"vocal_volume": "0.3"}, {"song": SONG[:-400]}])
    def test_another_request_with_the_same_key_is_refused(self, house: WebHouse, change: dict[str, object]) -> None:
        house.convert(headers=self.KEY)
        answer = house.convert(headers=self.KEY, **change)
        assert (answer.status_code, answer.json["code"]) == (409, "conflict")
        assert house.services.jobs.count() == 1
        assert len(house.files()) == 1

    def test_the_answer_tells_how_the_earlier_job_stands(self, house: WebHouse) -> None:
        job_id = house.convert(headers=self.KEY).json["conversion_id"]
        house.services.jobs.cancel(job_id)
        assert house.convert(headers=self.KEY).json["status"] == "cancelled"

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256, "naïve"])
    def test_a_key_is_visible_ascii(self, house: WebHouse, key: str) -> None:
        answer = house.convert(headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameters")


def test_a_full_queue_says_when_to_come_again(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", limits__max_queue_size=1)
    house.made()
    answer = house.convert()
    assert (answer.status_code, answer.json["code"]) == (503, "queue_full")
    assert int(answer.headers["Retry-After"]) >= 1
    assert len(house.files()) == 1


def test_songs_are_counted(tmp_path: Path) -> None:
    house = WebHouse(tmp_path / "house", security__rate_limiting_enabled="true", limits__conversions_per_hour=1)
    house.made()
    answer = house.convert()
    assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) >= 1
    assert len(house.files()) == 1
