"""Fetching results: the whole, a part, or not at all."""

from __future__ import annotations

import shutil

import pytest

from auto_voice.database.tables import jobs
from auto_voice.jobs.job import Job
from web_house import SONG, WebHouse

API = "/api/v1/convert/download"
FILES = {
    "converted.wav": SONG,
    "vocals.wav": SONG[:2000],
    "instrumental.wav": SONG[:3000],
    "provenance.json": b'{"synthetic": true}',
}


@pytest.fixture
def job(house: WebHouse) -> Job:
    return house.completed(FILES)


def test_every_file_of_the_result_arrives(house: WebHouse, job: Job) -> None:
    for name, content in FILES.items():
        answer = house.client.get(f"{API}/{job.job_id}/{name}")
        assert (answer.status_code, answer.data) == (200, content)
        assert answer.content_length == len(content)


def test_it_is_called_after_its_song_and_is_what_it_says(house: WebHouse, job: Job) -> None:
    audio = house.client.get(f"{API}/{job.job_id}/converted.wav")
    assert audio.mimetype == "audio/wav"
    assert audio.headers["Content-Disposition"] == "attachment; filename=song-converted.wav"
    assert house.client.get(f"{API}/{job.job_id}/provenance.json").mimetype == "application/json"


def test_no_cache_between_keeps_it_for_others(house: WebHouse, job: Job) -> None:
    control = house.client.get(f"{API}/{job.job_id}/converted.wav").cache_control
    assert control.private
    assert not control.public


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=100-", 100, len(SONG) - 1),
        ("bytes=-44", len(SONG) - 44, len(SONG) - 1),
        ("bytes=0-999999999", 0, len(SONG) - 1),
        ("bytes=-999999999", 0, len(SONG) - 1),
    ],
)
def test_a_part(house: WebHouse, job: Job, wanted: str, first: int, last: int) -> None:
    answer = house.client.get(f"{API}/{job.job_id}/converted.wav", headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(SONG)}"
    assert answer.data == SONG[first : last + 1]


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=0-1", "bytes=x", "bytes=9-1", "", "bytes=-", "\x00"])
def test_a_wish_that_is_not_one_range_gets_the_whole(house: WebHouse, job: Job, wanted: str) -> None:
    answer = house.client.get(f"{API}/{job.job_id}/converted.wav", headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (200, SONG)


def test_a_part_beyond_the_end(house: WebHouse, job: Job) -> None:
    answer = house.client.get(f"{API}/{job.job_id}/converted.wav", headers={"Range": f"bytes={len(SONG)}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(SONG)}"
    assert answer.json["code"] == "invalid_parameters"


def test_what_one_has_is_not_sent_again(house: WebHouse, job: Job) -> None:
    url = f"{API}/{job.job_id}/converted.wav"
    tag = house.client.get(url).headers["ETag"]
    assert job.result is not None
    assert tag == f'"{job.result["files"]["converted.wav"]["sha256"]}"'
    again = house.client.get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert house.client.get(url, headers={"If-None-Match": '"another"'}).status_code == 200


def test_a_part_of_something_else_is_the_whole(house: WebHouse, job: Job) -> None:
    headers = {"Range": "bytes=0-99", "If-Range": '"another"'}
    assert house.client.get(f"{API}/{job.job_id}/converted.wav", headers=headers).data == SONG


def test_only_how_large_it_is(house: WebHouse, job: Job) -> None:
    answer = house.client.head(f"{API}/{job.job_id}/converted.wav")
    assert (answer.status_code, answer.data, answer.content_length) == (200, b"", len(SONG))


@pytest.mark.parametrize(
    "name",
    ["other.wav", "input-0", "..", "%2e%2e", "..%2finput-0", "..%2f..%2f..%2fautovoice.db", "converted.wav%00", "🎵"],
)
def test_only_what_the_result_names_is_there(house: WebHouse, job: Job, name: str) -> None:
    answer = house.client.get(f"{API}/{job.job_id}/{name}")
    assert (answer.status_code, answer.json["code"]) == (404, "file_not_found")


def test_a_job_that_is_not_done_has_nothing_yet(house: WebHouse) -> None:
    for job in (house.made(), house.started()):
        answer = house.client.get(f"{API}/{job.job_id}/converted.wav")
        assert (answer.status_code, answer.json["code"]) == (409, "conversion_not_finished")


def test_a_job_that_came_to_nothing_never_has(house: WebHouse) -> None:
    failed = house.started()
    house.services.jobs.fail(failed, {"code": "conversion_failed", "message": "", "details": {}})
    cancelled = house.made()
    house.services.jobs.cancel(cancelled.job_id)
    for job in (failed, cancelled):
        answer = house.client.get(f"{API}/{job.job_id}/converted.wav")
        assert (answer.status_code, answer.json["code"]) == (404, "file_not_found")


def test_what_was_kept_for_a_while_is_gone(house: WebHouse, job: Job) -> None:
    with house.services.database.write() as connection:
        connection.execute(jobs.update().values(files_expired=True))
    answer = house.client.get(f"{API}/{job.job_id}/converted.wav")
    assert (answer.status_code, answer.json["code"]) == (410, "file_expired")
    assert house.client.get(f"{API}/{job.job_id}/other.wav").status_code == 404


def test_what_vanished_is_gone(house: WebHouse, job: Job) -> None:
    shutil.rmtree(house.services.paths.job_dir(job.job_id))
    answer = house.client.get(f"{API}/{job.job_id}/converted.wav")
    assert (answer.status_code, answer.json["code"]) == (410, "file_expired")


def test_a_damaged_file_is_not_passed_off_as_the_result(house: WebHouse, job: Job) -> None:
    path = house.services.paths.attempt_dir(job.job_id, job.attempt) / "converted.wav"
    path.write_bytes(SONG[:1000])
    answer = house.client.get(f"{API}/{job.job_id}/converted.wav")
    assert (answer.status_code, answer.json["code"]) == (503, "service_unavailable")
