"""What the OpenAPI document says of every route's errors."""

from __future__ import annotations

from typing import Any

from auto_voice.web.errors import ErrorBody

ERRORS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 404, 429, 500, 503), ErrorBody)
"""What any route may answer; `responses={202: Accepted, **ERRORS}`."""


def errors(*more: int) -> dict[Any, Any]:
    """`ERRORS` with further statuses whose body is the same document: `{202: Accepted, **errors(409, 413, 422)}`."""
    return {**ERRORS, **dict.fromkeys(more, ErrorBody)}
