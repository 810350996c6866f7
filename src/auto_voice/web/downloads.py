"""Files of a job's result, sent whole or in part."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from flask import Response, request, send_file

from auto_voice.errors import FileExpiredError, NotFinishedError, NotFoundError, StorageError
from auto_voice.jobs.job import Job
from auto_voice.web.services import services


def send_result(job: Job, name: str) -> Response:
    """The file of that name, if the job's result has it; the name comes from outside and only selects.

    Raises:
        NotFinishedError: it may come yet.
        NotFoundError: the job has no such file, or ended without a result.
        FileExpiredError: it was kept for a while and is gone.
        StorageError: what lies there is not what was made.
    """
    attempt, about = _made(job, name)
    path = services().paths.attempt_dir(job.job_id, attempt) / name
    try:
        size = path.stat().st_size
        if size != about["size"]:
            raise StorageError(f"{name} of {job.job_id} is damaged: it has {size} bytes, {about['size']} were made")
        keep_one_range(size)
        response = send_file(
            path,
            mimetype=about["mime"],
            as_attachment=True,
            download_name=_download_name(job, name),
            etag=about["sha256"],
            last_modified=job.finished_at,
            max_age=0,
        )
    except FileNotFoundError:
        raise FileExpiredError from None
    response.cache_control.private = True
    return response


def _made(job: Job, name: str) -> tuple[int, dict[str, Any]]:
    """The attempt that made the file, and what is known of the file. Raises as `send_result`."""
    if not job.ended:
        raise NotFinishedError(suggestions=["Ask for its status until it is completed."])
    if job.state != "completed" or job.result is None:
        raise NotFoundError(f"The job is {job.state} and has no files.", suggestions=["Its status says more."])
    about = job.result.get("files", {}).get(name)
    if about is None:
        raise NotFoundError("The job has no file of that name.", suggestions=["Its status lists the files there are."])
    if job.files_expired:
        raise FileExpiredError
    return job.result["attempt"], about


def keep_one_range(size: int) -> None:
    """Let a `Range` that is not one range of bytes count as none, as RFC 9110 allows; the whole file is sent then.

    A wish for the last n bytes of a file that has fewer means all of them.
    """
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        request.environ.pop("HTTP_RANGE", None)
    elif wanted.ranges[0][0] < -size:
        request.environ["HTTP_RANGE"] = "bytes=0-"


def _download_name(job: Job, name: str) -> str:
    """What browsers save it as: after the song, where its name is known."""
    song = PurePath(str(job.parameters.get("song_name") or "")).stem
    return f"{song}-{name}" if song else name
