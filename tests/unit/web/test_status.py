"""The JSON of a job's status, in every state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auto_voice.jobs.job import Job, new_job_id
from auto_voice.web.status import iso_time, result_document, stage_details, status_document

BEGUN = 1_770_000_000.0


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "job_id": new_job_id(),
        "kind": "conversion",
        "lane": "batch",
        "owner": "ann",
        "priority": 0,
        "state": "processing",
        "progress": 60.0,
        "stage": "voice_conversion",
        "parameters": {"song_name": "secret.mp3"},
        "input_hash": "0" * 64,
        "profile_id": None,
        "work_seconds": 40.0,
        "attempt": 1,
        "losses": 0,
        "worker_id": "host-1",
        "lease_until": BEGUN + 60,
        "listener_until": None,
        "error": None,
        "result": None,
        "history": [],
        "request_id": None,
        "created_at": BEGUN,
        "queued_at": BEGUN,
        "started_at": BEGUN + 1,
        "attempt_at": BEGUN + 1,
        "finished_at": None,
        "files_expired": False,
    }
    return Job(**{**fields, **changes})


def completed(**changes: Any) -> Job:
    about = {"size": 44, "sha256": "1" * 64}
    result = {
        "attempt": 2,
        "files": {
            "converted.flac": {**about, "mime": "audio/flac"},
            "vocals.flac": {**about, "mime": "audio/flac"},
            "instrumental.flac": {**about, "mime": "audio/flac"},
            "provenance.json": {**about, "mime": "application/json"},
        },
        "metadata": {"original_duration_seconds": 40.0, "converted_duration_seconds": 40.0, "sample_rate": 44100},
        "quality_metrics": {"overall_quality_score": 0.9},
        "warnings": ["a sentence"],
        "stage_seconds": {"source_separation": 2.0},
    }
    fields = {"state": "completed", "progress": 100.0, "stage": "audio_mixing", "finished_at": BEGUN + 11.5}
    return job(**{**fields, "result": result, **changes})


def document(given: Job, remaining: float = 5.04, position: int | None = None) -> dict[str, Any]:
    made = status_document(given, remaining_seconds=remaining, queue_position=position)
    return dict(json.loads(json.dumps(made, allow_nan=False)))


def test_a_waiting_job_tells_its_place_and_no_stage() -> None:
    waiting = document(job(state="queued", progress=0.0, stage=None, started_at=None), position=3)
    assert waiting["status"] == "queued"
    assert waiting["progress"] == 0
    assert waiting["queue_position"] == 3
    assert waiting["current_stage"] is None
    assert waiting["stage_details"] is None


def test_a_running_job_tells_how_far_it_is_in_whole_percent() -> None:
    running = document(job(progress=60.9))
    assert running["status"] == "processing"
    assert running["progress"] == 60
    assert running["current_stage"] == "voice_conversion"
    assert running["stage_details"] == {
        "stage": 3,
        "total_stages": 4,
        "stage_name": "voice_conversion",
        "stage_progress": 52,
    }
    assert running["estimated_time_remaining_seconds"] == 5.0
    assert running["created_at"] == "2026-02-02T02:40:00.000Z"


def test_a_running_job_is_never_at_a_hundred_percent() -> None:
    assert document(job(progress=100.0, stage="audio_mixing"))["progress"] == 99


@pytest.mark.parametrize(
    ("stage", "progress", "number", "percent"),
    [("source_separation", 0.0, 1, 0), ("pitch_extraction", 25.0, 2, 0), ("audio_mixing", 100.0, 4, 100)],
)
def test_each_stage_counts_from_its_own_beginning(stage: str, progress: float, number: int, percent: int) -> None:
    details = stage_details(job(stage=stage, progress=progress))
    assert details is not None
    assert (details["stage"], details["stage_progress"]) == (number, percent)


def test_work_of_another_kind_is_one_stage() -> None:
    details = stage_details(job(kind="speech", stage="synthesis", progress=30.0))
    assert details == {"stage": 1, "total_stages": 1, "stage_name": "synthesis", "stage_progress": 30}


def test_a_completed_job_tells_what_it_made_and_where_it_is() -> None:
    given = completed()
    done = document(given, remaining=0.0)
    where = f"/api/v1/convert/download/{given.job_id}"
    assert done["progress"] == 100
    assert done["completed_at"] == "2026-02-02T02:40:11.500Z"
    assert done["processing_time_seconds"] == 10.5
    assert done["estimated_time_remaining_seconds"] == 0.0
    assert done["warnings"] == ["a sentence"]
    assert done["result"]["converted_audio_url"] == f"{where}/converted.flac"
    assert done["result"]["stems"] == {
        "vocals_url": f"{where}/vocals.flac",
        "instrumental_url": f"{where}/instrumental.flac",
    }
    assert done["result"]["metadata"]["format"] == "flac"
    assert done["result"]["metadata"]["sample_rate"] == 44100
    assert done["result"]["quality_metrics"] == {"overall_quality_score": 0.9}
    assert [each["url"] for each in done["result"]["files"]][-1] == f"{where}/provenance.json"


def test_a_result_without_stems_names_none() -> None:
    given = completed()
    assert given.result is not None
    del given.result["files"]["vocals.flac"], given.result["files"]["instrumental.flac"]
    assert result_document(given)["stems"] is None


def test_a_spoken_text_is_found_in_the_same_place() -> None:
    about = {"size": 1, "sha256": "1" * 64, "mime": "audio/mpeg"}
    spoken = completed(kind="speech", result={"attempt": 1, "files": {"speech.mp3": about}})
    assert result_document(spoken)["converted_audio_url"].endswith("/speech.mp3")
    assert result_document(spoken)["metadata"] == {"format": "mp3"}


def test_a_failed_job_tells_why() -> None:
    error = {"code": "separation_failed", "message": "Why.", "details": {"suggestions": ["Do this."]}}
    failed = document(job(state="failed", error=error, finished_at=BEGUN + 2), remaining=0.0)
    assert failed["error"] == error
    assert failed["failed_at"] == "2026-02-02T02:40:02.000Z"
    assert "result" not in failed


def test_a_cancelled_job_tells_when() -> None:
    cancelled = document(job(state="cancelled", finished_at=BEGUN + 2), remaining=0.0)
    assert cancelled["cancelled_at"] == "2026-02-02T02:40:02.000Z"
    assert "result" not in cancelled
    assert "error" not in cancelled


def test_nothing_private_is_told() -> None:
    text = json.dumps(document(completed()))
    assert not any(secret in text for secret in ("host-1", "secret.mp3", "ann", "attempt"))


def test_no_time_is_no_text() -> None:
    assert iso_time(None) is None
