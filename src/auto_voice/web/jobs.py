"""Jobs as the routes handle them: found for their owner, told with what is known of their future."""

from __future__ import annotations

from typing import Any

from auto_voice.errors import ConversionNotFoundError
from auto_voice.jobs.job import Job
from auto_voice.storage.paths import is_job_id
from auto_voice.web.caller import acts_for, visible_owner
from auto_voice.web.services import services
from auto_voice.web.status import status_document


def visible_job(job_id: str, user_id: str | None = None) -> Job:
    """The job, if whoever asks may see it.

    Raises:
        ConversionNotFoundError: no such job, no possible id, or another owner's.
    """
    owner = visible_owner(user_id, ConversionNotFoundError())
    if not is_job_id(job_id):
        raise ConversionNotFoundError
    job = services().jobs.get(job_id, owner)
    acts_for(job.owner)
    return job


def job_document(job: Job) -> dict[str, Any]:
    """How the job stands, with what is estimated of it."""
    estimates = services().jobs.estimates
    return status_document(
        job, remaining_seconds=estimates.remaining_seconds(job), queue_position=estimates.queue_position(job)
    )
