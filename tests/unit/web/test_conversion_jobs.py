"""Watching, listing and stopping jobs, and how busy the service is."""

from __future__ import annotations

from pathlib import Path

import pytest

from auto_voice.jobs.job import NewJob, new_job_id
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.web.models.conversion import JobList, JobStatus, QueueStatus
from simple_engines import make_profile
from web_house import WebHouse

API = "/api/v1/convert"
HOSTILE_IDS = [
    "x",
    "conv-",
    "conv-00000000-0000-0000-0000-000000000000",
    "CONV-00000000-0000-4000-8000-000000000000",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "conv-00000000-0000-4000-8000-000000000000%00",
    "conv-00000000-0000-4000-8000-000000000000%0a",
    "' OR 1=1 --",
    "%F0%9F%8E%B5",
    "x" * 5000,
]


class TestStatus:
    def test_waiting(self, house: WebHouse) -> None:
        house.made()
        told = house.client.get(f"{API}/status/{house.made().job_id}").json
        JobStatus.model_validate(told, extra="forbid")
        assert (told["status"], told["progress"], told["queue_position"]) == ("queued", 0, 2)
        assert told["estimated_time_remaining_seconds"] > 0

    def test_running(self, house: WebHouse) -> None:
        job = house.started()
        house.services.jobs.report(job, 65.4, "voice_conversion")
        told = house.client.get(f"{API}/status/{job.job_id}").json
        JobStatus.model_validate(told, extra="forbid")
        assert (told["status"], told["progress"], told["current_stage"]) == ("processing", 65, "voice_conversion")
        assert told["stage_details"]["stage_progress"] == 63
        assert told["queue_position"] is None

    def test_done(self, house: WebHouse) -> None:
        job = house.completed()
        told = house.client.get(f"{API}/status/{job.job_id}").json
        JobStatus.model_validate(told, extra="forbid")
        assert (told["status"], told["progress"]) == ("completed", 100)
        assert told["estimated_time_remaining_seconds"] == 0
        assert house.client.get(told["result"]["converted_audio_url"]).status_code == 200

    def test_a_failed_job_is_a_good_answer(self, house: WebHouse) -> None:
        job = house.started()
        error = {"code": "separation_failed", "message": "No.", "details": {"suggestions": ["Try this."]}}
        house.services.jobs.fail(job, error)
        answer = house.client.get(f"{API}/status/{job.job_id}")
        assert answer.status_code == 200
        JobStatus.model_validate(answer.json, extra="forbid")
        assert (answer.json["status"], answer.json["error"]) == ("failed", error)

    @pytest.mark.parametrize(
        ("method", "url"),
        [("GET", "status/{}"), ("GET", "download/{}/converted.wav"), ("POST", "cancel/{}")],
    )
    def test_what_is_no_job_is_not_found(self, house: WebHouse, method: str, url: str) -> None:
        for job_id in [new_job_id(), *HOSTILE_IDS]:
            answer = house.client.open(f"{API}/{url.format(job_id)}", method=method)
            assert answer.status_code == 404, job_id
            assert answer.json["code"] in ("conversion_not_found", "file_not_found")

    def test_another_users_job_is_as_unknown_as_none(self, locked_house: WebHouse) -> None:
        ann, bob = locked_house.key("ann"), locked_house.key("bob")
        voice = make_profile(locked_house.settings, user_id="ann").profile_id
        job = locked_house.completed(headers=ann, target_profile_id=voice)
        for method, url in [
            ("GET", f"{API}/status/{{}}"),
            ("GET", f"{API}/status/{{}}?user_id=ann"),
            ("GET", f"{API}/download/{{}}/converted.wav"),
            ("POST", f"{API}/cancel/{{}}"),
        ]:
            owners = locked_house.client.open(url.format(job.job_id), method=method, headers=ann)
            others = locked_house.client.open(url.format(job.job_id), method=method, headers=bob)
            nobodys = locked_house.client.open(url.format(new_job_id()), method=method, headers=bob)
            assert owners.status_code != 404
            assert (others.status_code, others.json) == (404, nobodys.json)

    def test_an_administrator_sees_every_job(self, locked_house: WebHouse) -> None:
        ann, root = locked_house.key("ann"), locked_house.key("root", "admin")
        voice = make_profile(locked_house.settings, user_id="ann").profile_id
        job = locked_house.made(headers=ann, target_profile_id=voice)
        assert locked_house.client.get(f"{API}/status/{job.job_id}", headers=root).status_code == 200


class TestCancel:
    def test_a_waiting_job_ends(self, house: WebHouse) -> None:
        answer = house.client.post(f"{API}/cancel/{house.made().job_id}")
        JobStatus.model_validate(answer.json, extra="forbid")
        assert (answer.status_code, answer.json["status"]) == (200, "cancelled")

    def test_a_running_job_ends(self, house: WebHouse) -> None:
        job = house.started()
        assert house.client.post(f"{API}/cancel/{job.job_id}").json["status"] == "cancelled"
        assert house.services.jobs.get(job.job_id).state == "cancelled"

    def test_what_has_ended_cannot_be_stopped(self, house: WebHouse) -> None:
        job = house.completed()
        answer = house.client.post(f"{API}/cancel/{job.job_id}")
        assert (answer.status_code, answer.json["code"]) == (409, "conflict")
        assert house.services.jobs.get(job.job_id).state == "completed"


class TestList:
    def test_the_newest_first_with_what_was_asked_for(self, house: WebHouse) -> None:
        jobs = [house.made().job_id for _ in range(3)]
        told = house.client.get(f"{API}/jobs").json
        JobList.model_validate(told, extra="forbid")
        assert [each["conversion_id"] for each in told["jobs"]] == jobs[::-1]
        assert told["jobs"][0]["song_name"] == "song.wav"
        assert told["jobs"][0]["target_profile_id"] == house.voice

    def test_page_by_page(self, house: WebHouse) -> None:
        jobs = [house.made().job_id for _ in range(3)]
        first = house.client.get(f"{API}/jobs?limit=2").json
        rest = house.client.get(f"{API}/jobs?limit=2&offset=2").json
        assert first["pagination"] == {"total": 3, "limit": 2, "offset": 0, "has_more": True}
        assert rest["pagination"] == {"total": 3, "limit": 2, "offset": 2, "has_more": False}
        assert [each["conversion_id"] for each in first["jobs"] + rest["jobs"]] == jobs[::-1]

    def test_only_some(self, house: WebHouse) -> None:
        done = house.completed().job_id
        waiting = house.made().job_id
        spoken, _ = house.services.jobs.create(NewJob(kind="speech", owner="default", parameters={}))
        house.services.jobs.cancel(spoken.job_id)

        def listed(query: str) -> set[str]:
            return {each["conversion_id"] for each in house.client.get(f"{API}/jobs?{query}").json["jobs"]}

        assert listed("status=queued") == {waiting}
        assert listed("status=queued&status=completed") == {waiting, done}
        assert listed("kind=speech") == {spoken.job_id}
        assert listed("kind=speech&status=queued") == set()

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=9999999999999999999", "status=", "kind=%00"]
    )
    def test_what_cannot_be_meant_is_refused(self, house: WebHouse, query: str) -> None:
        answer = house.client.get(f"{API}/jobs?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameters")

    def test_everybody_sees_their_own(self, locked_house: WebHouse) -> None:
        ann, bob = locked_house.key("ann"), locked_house.key("bob")
        voice = make_profile(locked_house.settings, user_id="ann").profile_id
        locked_house.made(headers=ann, target_profile_id=voice)
        told = {
            who: locked_house.client.get(f"{API}/jobs", headers=key).json for who, key in (("ann", ann), ("bob", bob))
        }
        assert [told[who]["pagination"]["total"] for who in ("ann", "bob")] == [1, 0]
        assert told["bob"]["jobs"] == []
        assert locked_house.client.get(f"{API}/jobs?user_id=ann", headers=bob).status_code == 404


class TestQueue:
    def test_an_idle_service(self, house: WebHouse) -> None:
        told = house.client.get("/api/v1/queue/status").json
        QueueStatus.model_validate(told, extra="forbid")
        assert told == {
            "depth": 0,
            "running": 0,
            "capacity": 100,
            "concurrent_conversions": 5,
            "interactive_depth": 0,
            "interactive_running": 0,
            "workers": 0,
            "estimated_wait_seconds": 0.0,
        }

    def test_a_busy_service(self, house: WebHouse) -> None:
        WorkerRegistry(house.services.database).hello("one", state="ready")
        house.started()
        house.made()
        told = house.client.get("/api/v1/queue/status").json
        assert (told["depth"], told["running"], told["workers"]) == (1, 1, 1)
        assert told["estimated_wait_seconds"] > 0

    def test_no_place_to_wait(self, tmp_path: Path) -> None:
        house = WebHouse(tmp_path / "house", limits__queue_enabled="false")
        assert house.client.get("/api/v1/queue/status").json["capacity"] == 0
