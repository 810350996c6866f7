"""Every request has an id, and leaves one line in the log: which route, what came of it, how long it took.

A line never holds what a client wrote: not the query, not a path with ids or names in it, no key.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from contextlib import ExitStack
from typing import cast

from flask import Flask, Response, g, request

from auto_voice.monitoring.context import log_context
from auto_voice.monitoring.metrics import http_answered
from auto_voice.storage.paths import is_job_id

HEADER = "X-Request-ID"

_LOG = logging.getLogger(__name__)
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UNKNOWN = "-"
_FREQUENT = frozenset({"/health", "/api/v1/health", "/ready", "/metrics", "/static/<path:filename>"})
"""Routes that machines ask all day: their lines are for debugging only."""


def init_app(app: Flask) -> None:
    """To be called first, so that whatever goes wrong later belongs to a request already."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def request_id() -> str:
    """The id of the current request."""
    return cast(str, g.request_id)


def _begin() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if _SANE.fullmatch(sent) else uuid.uuid4().hex
    g.started_at = time.perf_counter()
    g.log_context = ExitStack()
    job_id = (request.view_args or {}).get("conversion_id", "")
    g.log_context.enter_context(log_context(request_id=g.request_id, job_id=job_id if is_job_id(job_id) else None))


def _tell(response: Response) -> Response:
    """Log the answer when its headers are ready; a stream may go on for long after that."""
    seconds = time.perf_counter() - g.started_at
    endpoint = request.url_rule.rule if request.url_rule else _UNKNOWN
    response.headers[HEADER] = g.request_id
    status = response.status_code
    if request.url_rule is not None and request.url_rule.websocket and status == 200:
        status = 101  # it was open until now; its time is the client's, and is not counted as ours
    else:
        http_answered(endpoint, status, seconds)
    _LOG.log(
        logging.DEBUG if endpoint in _FREQUENT else logging.INFO,
        "%s %s %d",
        request.method,
        endpoint,
        status,
        extra={
            "endpoint": endpoint,
            "method": request.method,
            "status": status,
            "processing_time": round(seconds, 6),
            "request_id": g.request_id,
        },
    )
    return response


def _end(error: BaseException | None) -> None:  # noqa: ARG001 - Flask's signature
    if "log_context" in g:
        g.log_context.close()
