"""A sentence in a cloned voice: spoken once by a worker, then kept beside the profile and deleted with it."""

from __future__ import annotations

import shutil
from typing import Literal

from flask import Response, send_file

from auto_voice.atomic_file import atomic_write
from auto_voice.errors import ProfileNotFoundError
from auto_voice.jobs.job import NewJob
from auto_voice.monitoring.context import current_request_id
from auto_voice.profiles import VoiceProfile
from auto_voice.web.downloads import keep_one_range
from auto_voice.web.services import services
from auto_voice.web.waiting import line, require_worker, wait_for

SENTENCE = "Hello! This is how I sound when I read a sentence to you."

_MIME = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def send_preview(profile: VoiceProfile, format: Literal["mp3", "wav"]) -> Response:
    """The sentence in that voice, with an ETag; made now if it was never asked for.

    Raises:
        ServiceUnavailableError: no worker is there to speak, or it took too long.
        ProfileNotFoundError: the voice was deleted meanwhile.
        What the worker met.
    """
    path = services().paths.profile_preview(profile.profile_id, format)
    if not path.is_file():
        _make(profile, format)
    try:
        keep_one_range(path.stat().st_size)
        response = send_file(path, mimetype=_MIME[format], conditional=True, etag=True)
    except FileNotFoundError:
        raise ProfileNotFoundError from None
    response.cache_control.private = True
    response.cache_control.no_cache = True
    return response


def _make(profile: VoiceProfile, format: Literal["mp3", "wav"]) -> None:
    require_worker()
    here = services()
    new = NewJob(
        kind="stream",
        owner=profile.user_id,
        parameters={"text": SENTENCE, "voice": profile.profile_id, "speed": 1.0, "pitch": 0.0, "format": format},
        profile_id=profile.profile_id,
        request_id=current_request_id(),
        listener_until=here.jobs.clock() + here.settings.server.timeout,
    )
    with line():
        job = wait_for(here.jobs.create(new)[0])
    spoken = here.paths.attempt_dir(job.job_id, job.attempt) / f"speech.{format}"
    kept = here.paths.profile_preview(profile.profile_id, format)
    with spoken.open("rb") as source, atomic_write(kept) as target:
        shutil.copyfileobj(source, target)
    if not here.paths.profile_json(profile.profile_id).exists():
        kept.unlink(missing_ok=True)  # whoever deletes the voice from now on removes the file, too
        raise ProfileNotFoundError
