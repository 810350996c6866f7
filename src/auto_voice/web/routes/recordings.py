"""Recordings: what can be heard in them."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag
from pydantic import ValidationError

from auto_voice.audio import DecodeLimits
from auto_voice.errors import FileExpiredError, MissingFieldError
from auto_voice.jobs.job import Job, NewJob
from auto_voice.monitoring.context import current_request_id
from auto_voice.parameters import MIN_RECORDING_SECONDS, song_limits
from auto_voice.web.caller import owner_for
from auto_voice.web.errors import validation_error
from auto_voice.web.models.conversion import ConvertHeaders
from auto_voice.web.models.voice import ProcessBody, ProcessedAudio, ProcessingConfig
from auto_voice.web.responses import errors
from auto_voice.web.services import services
from auto_voice.web.submission import submit
from auto_voice.web.uploads import Upload, check_base64, check_upload, with_recording
from auto_voice.web.waiting import line, require_worker, wait_for

# The library describes one kind of body a route; this one takes two.
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["audio"],
                "properties": {
                    "audio": {"type": "string", "format": "binary", "description": "The recording."},
                    "processing_config": ProcessingConfig.model_json_schema(),
                },
            },
            "encoding": {"processing_config": {"contentType": "application/json"}},
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["audio_data"],
                "additionalProperties": False,
                "properties": {
                    "audio_data": {
                        "type": "string",
                        "contentEncoding": "base64",
                        "description": "The recording in base64.",
                    },
                    "processing_config": ProcessingConfig.model_json_schema(),
                },
            },
        },
    },
}

blueprint = APIBlueprint("recordings", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Recordings")])


@blueprint.post(
    "/process_audio",
    responses={200: ProcessedAudio, **errors(409, 410, 413, 422)},
    openapi_extensions={"requestBody": _BODY},
)
@with_recording
def process_audio(header: ConvertHeaders) -> Response:
    """Find where somebody speaks in a recording, and follow its melody.

    The recording is a file `audio` of a form, or `audio_data` of a JSON document.
    """
    owner = owner_for(None)
    require_worker()
    upload, wanted = _from_json() if request.is_json else _from_form()
    new = NewJob(
        kind="analysis",
        owner=owner,
        parameters=wanted.model_dump(),
        input_hash=upload.sha256,
        work_seconds=upload.info.duration_seconds,
        request_id=current_request_id(),
    )
    with line():
        job = submit(new, header.idempotency_key, upload)
        done = wait_for(job, goes_on=header.idempotency_key is not None)
    return jsonify({"status": "success", **_features(done)})


def _from_form() -> tuple[Upload, ProcessingConfig]:
    file = request.files.get("audio")
    if file is None:
        raise MissingFieldError("audio: the recording is missing", suggestions=["Send it as the file `audio`."])
    try:
        wanted = ProcessingConfig.model_validate_json(request.form.get("processing_config") or "{}")
    except ValidationError as error:
        raise validation_error(error) from error
    return check_upload(file, _limits()), wanted


def _from_json() -> tuple[Upload, ProcessingConfig]:
    try:
        body = ProcessBody.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        raise validation_error(error) from error
    return check_base64(body.audio_data, _limits()), body.processing_config


def _limits() -> DecodeLimits:
    return song_limits(services().settings, min_seconds=MIN_RECORDING_SECONDS)


def _features(job: Job) -> dict[str, Any]:
    """What the worker wrote down. Raises FileExpiredError when an Idempotency-Key asks for it too late."""
    result = job.result or {}
    (name,) = result["files"]
    path = services().paths.attempt_dir(job.job_id, result["attempt"]) / name
    try:
        features: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise FileExpiredError from None
    return features
