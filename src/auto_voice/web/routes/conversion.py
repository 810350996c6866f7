"""Songs into other voices: start, watch, fetch, cancel. Jobs of every kind are watched, fetched and cancelled here."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag

from auto_voice.errors import ConversionNotFoundError, ProfileNotFoundError
from auto_voice.jobs.job import NewJob
from auto_voice.monitoring.context import current_request_id
from auto_voice.parameters import checked_preset, checked_volume, parse_pitch_shift, song_limits
from auto_voice.web.caller import no_such_user, owner_for, visible_owner
from auto_voice.web.downloads import send_result
from auto_voice.web.jobs import job_document, visible_job
from auto_voice.web.limits import limited, unlimited
from auto_voice.web.models.conversion import (
    ConversionAccepted,
    ConvertForm,
    ConvertHeaders,
    JobFilePath,
    JobList,
    JobPath,
    JobsQuery,
    JobStatus,
)
from auto_voice.web.models.query import UserQuery
from auto_voice.web.responses import ERRORS, errors
from auto_voice.web.services import services
from auto_voice.web.status import API
from auto_voice.web.submission import accepted, submit
from auto_voice.web.uploads import check_upload

_LONGEST_NAME = 200

blueprint = APIBlueprint("conversion", __name__, url_prefix=API, abp_tags=[Tag(name="Conversions")])


@blueprint.post("/song", responses={202: ConversionAccepted, **errors(409, 413, 422)})
@limited("conversions")
def convert_song(form: ConvertForm, header: ConvertHeaders) -> tuple[Response, int]:
    """Hand in a song to be sung in another voice; a job does it."""
    here = services()
    parameters = _parameters(form)
    owner = owner_for(form.user_id, ProfileNotFoundError())
    voice = here.profiles.get(form.target_profile_id, visible_owner(form.user_id, ProfileNotFoundError()))
    song = check_upload(form.song, song_limits(here.settings))
    new = NewJob(
        kind="conversion",
        owner=owner,
        parameters={
            **parameters,
            "profile_id": voice.profile_id,
            "user_id": voice.user_id,
            "song_name": _display_name(form.song.filename),
        },
        input_hash=song.sha256,
        profile_id=voice.profile_id,
        work_seconds=song.info.duration_seconds,
        request_id=current_request_id(),
    )
    job = submit(new, header.idempotency_key, song)
    return accepted(job, "The song was received and waits for its conversion.")


@blueprint.get("/status/<conversion_id>", responses={200: JobStatus, **ERRORS})
@unlimited
def conversion_status(path: JobPath, query: UserQuery) -> Response:
    """How a job stands, of whatever kind. One that failed is 200 as well, and says why."""
    return jsonify(job_document(visible_job(path.conversion_id, query.user_id)))


@blueprint.get("/jobs", responses={200: JobList, **ERRORS})
def list_jobs(query: JobsQuery) -> Response:
    """One's own jobs, the newest first."""
    store = services().jobs
    owner = visible_owner(query.user_id, no_such_user(ConversionNotFoundError))
    total = store.count(owner, kinds=query.kind, states=query.status)
    jobs = store.list(owner, kinds=query.kind, states=query.status, limit=query.limit, offset=query.offset)
    listed = [
        {
            **job_document(job),
            "target_profile_id": job.profile_id,
            "song_name": job.parameters.get("song_name"),
        }
        for job in jobs
    ]
    pagination = {
        "total": total,
        "limit": query.limit,
        "offset": query.offset,
        "has_more": query.offset + len(jobs) < total,
    }
    return jsonify({"jobs": listed, "pagination": pagination})


@blueprint.get(
    "/download/<conversion_id>/<file>",
    responses={
        200: {"description": "The file.", "content": {"audio/*": {}, "application/json": {}}},
        206: {"description": "The part that `Range` asked for.", "content": {"audio/*": {}, "application/json": {}}},
        304: {"description": "It is what `If-None-Match` names."},
        **errors(409, 410, 412, 416),
    },
)
@unlimited
def download(path: JobFilePath, query: UserQuery) -> Response:
    """A file of a completed job; in part with the header Range."""
    return send_result(visible_job(path.conversion_id, query.user_id), path.file)


@blueprint.post("/cancel/<conversion_id>", responses={200: JobStatus, **errors(409)})
def cancel_conversion(path: JobPath, query: UserQuery) -> Response:
    """Stop a job, waiting or running."""
    job = visible_job(path.conversion_id, query.user_id)
    return jsonify(job_document(services().jobs.cancel(job.job_id, job.owner)))


def _parameters(form: ConvertForm) -> dict[str, Any]:
    """What is asked for, checked. Raises InvalidParametersError."""
    return {
        "vocal_volume": checked_volume(form.vocal_volume, "vocal_volume"),
        "instrumental_volume": checked_volume(form.instrumental_volume, "instrumental_volume"),
        "pitch_shift": parse_pitch_shift(form.pitch_shift_semitones),
        "preset": checked_preset(form.quality_preset, services().settings),
        "return_stems": form.return_stems,
        "use_cache": form.use_cache,
        "output_format": form.output_format,
    }


def _display_name(filename: str | None) -> str:
    """The name that the client gave the file, for people to recognise; nothing is ever opened by it."""
    name = unicodedata.normalize("NFC", filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable())[:_LONGEST_NAME]
