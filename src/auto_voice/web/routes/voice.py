"""Voices: learnt from recordings, listed, shown, heard, handed over and deleted."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import datetime, timezone
from typing import Any

from flask import Response, jsonify, send_file
from flask_openapi3 import APIBlueprint, Tag

from auto_voice.accounts.consents import ConsentRecord
from auto_voice.audio import DecodeLimits
from auto_voice.errors import InvalidParametersError, ProfileNotFoundError
from auto_voice.jobs.job import NewJob
from auto_voice.monitoring.context import current_request_id
from auto_voice.profiles import Consent, VoiceProfile
from auto_voice.profiles.archive import ArchiveLimits
from auto_voice.profiles.profile import DEFAULT_NAME, clean_description, clean_name, sample_hash
from auto_voice.web import audit, previews, uploads
from auto_voice.web.caller import caller, no_such_user, owner_for, visible_owner
from auto_voice.web.limits import limited
from auto_voice.web.models.conversion import ConversionAccepted, ConvertHeaders
from auto_voice.web.models.query import UserQuery
from auto_voice.web.models.voice import (
    CloneForm,
    ImportForm,
    PreviewQuery,
    ProfileDeleted,
    ProfileList,
    ProfilePath,
    ProfilesQuery,
    ProfileWithUsage,
)
from auto_voice.web.responses import ERRORS, errors
from auto_voice.web.services import services
from auto_voice.web.status import iso_time
from auto_voice.web.submission import accepted, submit
from auto_voice.web.waiting import line, require_worker, wait_for

_LARGEST_IMPORT = 256 << 20
_REFERENCE_MARGIN_SECONDS = 1.0

_importing = threading.Lock()

blueprint = APIBlueprint("voice", __name__, url_prefix="/api/v1/voice", abp_tags=[Tag(name="Voices")])


@blueprint.post("/clone", responses={201: VoiceProfile, **errors(409, 413, 422)})
@limited("clones")
def clone(form: CloneForm, header: ConvertHeaders) -> tuple[Response, int]:
    """Learn a voice from recordings; answers with its profile when it is learnt, which takes up to a minute.

    One recording or several of one person, 30 s or more in all.
    """
    owner = owner_for(form.user_id)
    name = clean_name(DEFAULT_NAME if form.profile_name is None else form.profile_name)
    about = clean_description(form.description)
    _check_consent(form.consent)
    require_worker()
    limits = services().settings.limits
    longest = DecodeLimits(max_bytes=limits.max_audio_size_mb << 20, max_seconds=limits.max_song_duration_s)
    samples = [uploads.check_upload(file, longest) for file in form.audio]
    about_what = sample_hash([sample.sha256 for sample in samples])
    consent = _consent(owner, about_what) if form.consent else None
    asked = {
        "profile_name": name,
        "description": about,
        "inputs": len(samples),
        "from_song": form.from_song,
    }
    new = NewJob(
        kind="clone",
        owner=owner,
        parameters={
            **asked,
            "profile_id": str(uuid.uuid4()),
            "consent": None if consent is None else consent.model_dump(mode="json"),
        },
        input_hash=about_what,
        work_seconds=sum(sample.info.duration_seconds for sample in samples),
        request_id=current_request_id(),
    )
    with line():
        job = submit(new, header.idempotency_key, *samples, asked={**asked, "consent": form.consent})
        if consent is not None and job.job_id == new.job_id:
            _record(new.parameters["profile_id"], consent)
        profile = wait_for(job, goes_on=header.idempotency_key is not None).result
    if not job.ended:  # else it was learnt for an earlier request with that Idempotency-Key
        audit.record("voice_created", job.parameters["profile_id"])
    return jsonify(profile), 201


@blueprint.get("/profiles", responses={200: ProfileList, **ERRORS})
def list_profiles(query: ProfilesQuery) -> Response:
    """List voices, the newest first unless asked otherwise."""
    if query.part is None:
        raise InvalidParametersError("limit and offset, or page and per_page: not both")
    limit, offset = query.part
    owner = visible_owner(query.user_id, no_such_user(ProfileNotFoundError))
    found = services().profiles.list(owner, sort_by=query.sort_by, order=query.order)
    part = found[offset : offset + limit]
    return jsonify(
        {
            "profiles": [_document(profile) for profile in part],
            "pagination": {
                "total": len(found),
                "limit": limit,
                "offset": offset,
                "has_more": offset + len(part) < len(found),
                "page": offset // limit + 1,
                "per_page": limit,
                "total_pages": -(-len(found) // limit),
            },
        }
    )


@blueprint.get("/profiles/<profile_id>", responses={200: ProfileWithUsage, **ERRORS})
def show_profile(path: ProfilePath, query: UserQuery) -> Response:
    """Show everything known of a voice."""
    profile = _visible(path, query)
    total, last_used = services().jobs.usage(profile.profile_id)
    usage = {"total_conversions": total, "last_used": iso_time(last_used)}
    return jsonify({**_document(profile), "usage_stats": usage})


@blueprint.delete("/profiles/<profile_id>", responses={200: ProfileDeleted, **ERRORS})
def delete_profile(path: ProfilePath, query: UserQuery) -> Response:
    """Delete a voice with all that was learnt of it."""
    owner = visible_owner(query.user_id, ProfileNotFoundError())
    services().profiles.delete(path.profile_id, owner)
    audit.record("voice_deleted", path.profile_id)
    done = ProfileDeleted(message="The voice was deleted.", profile_id=path.profile_id)
    return jsonify(done.model_dump())


@blueprint.post("/profiles/<profile_id>/adapt", responses={202: ConversionAccepted, **errors(409)})
@limited("clones")
def adapt_profile(path: ProfilePath, query: UserQuery, header: ConvertHeaders) -> tuple[Response, int]:
    """Fit the converter to a voice, which takes minutes; a job does it, which is watched as a conversion is.

    The fitted voice is used only where it scores better; the profile's `adaptation` says what came of it.
    """
    profile = _visible(path, query)
    new = NewJob(
        kind="adaptation",
        owner=profile.user_id,
        parameters={"profile_id": profile.profile_id},
        profile_id=profile.profile_id,
        work_seconds=profile.audio_info.reference_seconds,
        request_id=current_request_id(),
    )
    job = submit(new, header.idempotency_key)
    audit.record("voice_adapted", profile.profile_id, owner=profile.user_id)
    return accepted(job, "The voice waits to be adapted.")


@blueprint.get(
    "/profiles/<profile_id>/export",
    responses={200: {"description": "The archive", "content": {"application/zip": {}}}, **ERRORS},
)
def export_profile(path: ProfilePath, query: UserQuery) -> Response:
    """Hand a voice over with all its files, as one archive for a backup or another installation."""
    profile = _visible(path, query)
    archive = services().paths.temp_dir() / f"export-{uuid.uuid4()}.zip"
    try:
        services().profiles.export(profile.profile_id, archive)
        file = archive.open("rb")
        size = archive.stat().st_size
    finally:
        # What is open can be read to its end without its name, and nothing is left when the client goes away.
        archive.unlink(missing_ok=True)
    audit.record("voice_exported", profile.profile_id, owner=profile.user_id)
    response = send_file(
        file,
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"voice-{profile.profile_id[:8]}.zip",
        max_age=0,
    )
    response.content_length = size
    return response


@blueprint.post("/profiles/import", responses={201: VoiceProfile, **errors(413)})
def import_profile(form: ImportForm) -> tuple[Response, int]:
    """Take in a voice that was exported, here or elsewhere. It gets a new id.

    A statement of consent made here takes the place of the one in the archive, which nobody here has checked.
    """
    owner = owner_for(form.user_id)
    _check_consent(form.consent)
    archive = uploads.received_file(form.archive)
    consent = _consent(owner, archive.sha256) if form.consent else None
    here = services()
    limits = ArchiveLimits(
        max_bytes=_LARGEST_IMPORT,
        max_seconds=here.settings.limits.max_profile_duration_s + _REFERENCE_MARGIN_SECONDS,
    )
    # An archive is held in memory while it is checked: one at a time is enough.
    with line(), _importing:
        # A new id even where the archive's is free: whether it is tells what others have.
        profile = here.profiles.import_(
            archive.path, owner, profile_id=str(uuid.uuid4()), consent=consent, limits=limits
        )
    if consent is not None:
        _record(profile.profile_id, consent)
    audit.record("voice_imported", profile.profile_id)
    return jsonify(_document(profile)), 201


@blueprint.get(
    "/profiles/<profile_id>/preview",
    responses={
        200: {"description": "A sentence in the voice", "content": {"audio/mpeg": {}, "audio/wav": {}}},
        206: {"description": "The part that `Range` asked for.", "content": {"audio/mpeg": {}, "audio/wav": {}}},
        304: {"description": "It is what `If-None-Match` names."},
        **errors(409, 412, 416, 422),
    },
)
def preview_profile(path: ProfilePath, query: PreviewQuery) -> Response:
    """Hear a voice say a sentence. It is made once, and kept with the voice."""
    return previews.send_preview(_visible(path, query), query.format)


def _visible(path: ProfilePath, query: UserQuery) -> VoiceProfile:
    """The voice, if whoever asks may see it; else, or if there is none, ProfileNotFoundError."""
    refusal = ProfileNotFoundError()
    return services().profiles.get(path.profile_id, visible_owner(query.user_id, refusal))


def _document(profile: VoiceProfile) -> dict[str, Any]:
    return profile.model_dump(mode="json")


def _check_consent(given: bool) -> None:
    if services().settings.security.require_consent and not given:
        raise InvalidParametersError(
            "consent=true is needed: your statement that the person whose voice this is agrees.",
            suggestions=["Add the field consent=true if that is so."],
        )


def _consent(owner: str, sample_sha256: str) -> Consent:
    now = datetime.fromtimestamp(time.time(), timezone.utc)
    return Consent(confirmed_by=caller().username or owner, confirmed_at=now, sample_sha256=sample_sha256)


def _record(profile_id: str, consent: Consent) -> None:
    services().consents.record(
        ConsentRecord(
            profile_id=profile_id,
            confirmed_by=consent.confirmed_by,
            confirmed_at=consent.confirmed_at.timestamp(),
            sample_sha256=consent.sample_sha256,
        )
    )
