"""How a job stands, as the API says it: the answer to a status request and the content of WebSocket frames."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from auto_voice.jobs.job import Job
from auto_voice.progress import STAGE_BOUNDS

API = "/api/v1/convert"
STEMS = ("vocals", "instrumental")

_STAGES = list(STAGE_BOUNDS)


def iso_time(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond: `2026-01-31T12:00:00.000Z`."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def status_document(job: Job, *, remaining_seconds: float, queue_position: int | None) -> dict[str, Any]:
    """The public view of a job: JSON, and nothing of workers, owners or paths in it.

    Args:
        job: as it was read.
        remaining_seconds: estimated time until it ends; 0 where it has.
        queue_position: 1 for the next one; None for what does not wait.
    """
    waiting = job.state == "queued"
    document: dict[str, Any] = {
        "conversion_id": job.job_id,
        "kind": job.kind,
        "status": job.state,
        "progress": 100 if job.state == "completed" else min(int(job.progress), 99),
        "current_stage": None if waiting else job.stage,
        "stage_details": None if waiting else stage_details(job),
        "created_at": iso_time(job.created_at),
        "started_at": iso_time(job.started_at),
        "estimated_time_remaining_seconds": round(remaining_seconds, 1),
        "queue_position": queue_position,
    }
    if job.ended:
        document[f"{job.state}_at"] = iso_time(job.finished_at)
    if job.state == "completed":
        document["processing_time_seconds"] = processing_seconds(job)
        document["result"] = result_document(job)
        document["warnings"] = (job.result or {}).get("warnings", [])
    if job.state == "failed":
        document["error"] = job.error
    return document


def stage_details(job: Job) -> dict[str, Any] | None:
    """Which stage of how many, and how far it is in percent; None before the first one.

    The stages are those of a conversion; work of another kind is one stage, as far as its watcher is concerned.
    """
    if job.stage is None:
        return None
    low, high = STAGE_BOUNDS.get(job.stage, (0.0, 100.0))
    done = (job.progress - low) / (high - low)
    return {
        "stage": _STAGES.index(job.stage) + 1 if job.stage in STAGE_BOUNDS else 1,
        "total_stages": len(_STAGES) if job.stage in STAGE_BOUNDS else 1,
        "stage_name": job.stage,
        "stage_progress": int(100 * min(max(done, 0.0), 1.0)),
    }


def processing_seconds(job: Job) -> float | None:
    """How long the attempt that ended took, without the waiting before it."""
    if job.finished_at is None or job.attempt_at is None:
        return None
    return round(max(job.finished_at - job.attempt_at, 0.0), 3)


def result_document(job: Job) -> dict[str, Any]:
    """What a completed job made, and where it is; `files_expired` says that it was kept for a while and is gone."""
    result = job.result or {}
    files: dict[str, dict[str, Any]] = result.get("files", {})
    audio = {name.partition(".")[0]: name for name, about in files.items() if about["mime"].startswith("audio/")}
    urls = {part: download_url(job.job_id, name) for part, name in audio.items()}
    main = "converted" if "converted" in audio else "speech"
    stems = {f"{part}_url": urls[part] for part in STEMS if part in urls}
    return {
        "converted_audio_url": urls.get(main),
        "stems": stems or None,
        "metadata": {"format": audio.get(main, "").partition(".")[2] or None, **result.get("metadata", {})},
        "quality_metrics": result.get("quality_metrics"),
        "stage_seconds": result.get("stage_seconds", {}),
        "files": [{"name": name, "url": download_url(job.job_id, name), **about} for name, about in files.items()],
        "files_expired": job.files_expired,
    }


def download_url(job_id: str, name: str) -> str:
    """Where a file of a job's result is fetched."""
    return f"{API}/download/{job_id}/{name}"
