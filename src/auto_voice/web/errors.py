"""Every error as the API's one document, whoever raised it."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any, cast

from flask import Flask, Response, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from auto_voice.errors import (
    ApiKeyRequiredError,
    AutoVoiceError,
    InputError,
    InvalidApiKeyError,
    InvalidParametersError,
    MissingFieldError,
    RateLimitedError,
    ServiceUnavailableError,
)
from auto_voice.web.services import services

_LOG = logging.getLogger(__name__)

_CODES = {404: "file_not_found", 413: "file_too_large", 429: "rate_limited", 503: "service_unavailable"}
_MESSAGES = {404: "There is nothing at this address.", 405: "This address does not take that method."}
_WHERE = {
    "profile_not_found": "`GET /api/v1/voice/profiles` lists the voices there are.",
    "conversion_not_found": "`GET /api/v1/convert/jobs` lists the jobs there are.",
}
"""What to ask for when something was not found, where the error itself has no better advice."""

_ALL_ROUTES = "`/docs` describes every route and what it takes."


class ErrorDetails(BaseModel):
    """What to do about it."""

    suggestions: list[str] = []


class ErrorBody(BaseModel):
    """Why a request was refused or failed."""

    error: str = Field(description="the code, or the text that older clients know")
    code: str
    message: str = Field(description="one sentence for people")
    details: ErrorDetails


def error_document(error: AutoVoiceError) -> dict[str, Any]:
    """The body that stands for an error."""
    known_text = isinstance(error, ApiKeyRequiredError | InvalidApiKeyError)
    where = _WHERE.get(error.code)
    return {
        "error": error.message if known_text else error.code,
        "code": error.code,
        "message": error.message,
        "details": {"suggestions": error.suggestions or ([where] if where else [])},
    }


def register_errors(app: Flask) -> None:
    """Answer every exception with its document; what nobody expected is logged and told without detail."""
    app.register_error_handler(AutoVoiceError, answer_to)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(RecursionError, _too_deep)
    app.register_error_handler(Exception, _unexpected)


def validation_response(error: ValidationError) -> Response:
    """The answer to parameters that do not fit their model."""
    return answer_to(validation_error(error))


def validation_error(error: ValidationError) -> InputError:
    """What is wrong with parameters that do not fit their model, in our words."""
    problems = error.errors()
    missing = [each for each in problems if each["type"] == "missing"]
    if any(each["type"] == "model_type" and not each["loc"] for each in problems):
        return InvalidParametersError(
            "The body is to be a JSON object.", suggestions=["Send it with `Content-Type: application/json`."]
        )
    text = "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in (missing or problems)[:5]
    )
    kind = MissingFieldError if missing else InvalidParametersError
    return kind(text, suggestions=[_ALL_ROUTES])


def answer_to(error: AutoVoiceError) -> Response:
    """The answer that stands for an error."""
    shown = error.for_strangers()
    if shown is not error:
        _LOG.error("%s", error.message)
    error = shown
    response = jsonify(error_document(error))
    response.status_code = error.http_status
    if isinstance(error, ServiceUnavailableError | RateLimitedError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:  # whoever raised it has said what to answer
        return cast(ResponseReturnValue, error.response)
    status = error.code or 500
    code = _CODES.get(status, "internal_error" if status >= 500 else "invalid_parameters")
    message, suggestions = error.description or error.name, []
    if status in _MESSAGES and error.description == type(error).description:  # raised by no route of ours
        message, suggestions = _MESSAGES[status], [_ALL_ROUTES]
    response = jsonify({"error": code, "code": code, "message": message, "details": {"suggestions": suggestions}})
    response.status_code = status
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _too_deep(error: RecursionError) -> Response:
    """JSON of a hundred thousand brackets; nothing else here nests without end."""
    _LOG.warning("a request was nested too deeply", exc_info=error)
    return answer_to(InvalidParametersError("The request is nested too deeply."))


def _unexpected(error: Exception) -> Response:
    _LOG.error("unexpected error", exc_info=error)
    unexpected = AutoVoiceError("Something unexpected went wrong; the log says what.")
    answer = answer_to(unexpected)
    if services().settings.server.debug:
        document = error_document(unexpected)
        document["details"]["traceback"] = traceback.format_exception(error)
        answer.set_data(json.dumps(document))
    return answer
