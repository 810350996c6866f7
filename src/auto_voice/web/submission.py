"""Handing in a job: its uploads first, then its row; the same request with the same key only once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, request

from auto_voice.jobs.job import Job, Kind, NewJob
from auto_voice.web.services import services
from auto_voice.web.status import API, iso_time
from auto_voice.web.uploads import Upload, remove_job_files, stored_for


def submit(new: NewJob, idempotency_key: str | None, *uploads: Upload, asked: Mapping[str, Any] | None = None) -> Job:
    """Make the job; returns the earlier one where the key came with the same request before.

    Args:
        new: the job.
        idempotency_key: as the client sent it.
        uploads: its files.
        asked: what the client asked for, where the job's parameters hold more than that.

    Raises:
        ConflictError: the key came with another request before.
        QueueFullError: too many jobs wait.
        StorageError: the disk or the database does not take it; nothing is left behind.
    """
    idempotency = (
        None if idempotency_key is None else (idempotency_key, _fingerprint(new.kind, asked or new.parameters, uploads))
    )
    with stored_for(new.job_id, *uploads):
        job, made_now = services().jobs.create(new, idempotency=idempotency)
    if not made_now:
        remove_job_files(new.job_id)
    return job


def accepted(job: Job, message: str) -> tuple[Response, int]:
    """The answer to the request that made the job: 202, and where to ask for it."""
    status_url = f"{API}/status/{job.job_id}"
    socket_scheme = "wss" if request.is_secure else "ws"
    response = jsonify(
        {
            "conversion_id": job.job_id,
            "status": job.state,
            "message": message,
            "created_at": iso_time(job.created_at),
            "estimated_time_seconds": round(services().jobs.estimates.remaining_seconds(job), 1),
            "status_url": status_url,
            "progress_url": status_url,
            "websocket_url": f"{socket_scheme}://{request.host}/ws/conversion/{job.job_id}",
        }
    )
    response.headers["Location"] = status_url
    return response, 202


def _fingerprint(kind: Kind, parameters: Mapping[str, Any], uploads: tuple[Upload, ...]) -> str:
    """What makes two requests the same, SHA-256."""
    asked: list[Any] = [kind, dict(parameters), [upload.sha256 for upload in uploads]]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
