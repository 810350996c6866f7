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
    return {
        "error": error.message if known_text else error.code,
        "code": error.code,
        "message": error.message,
        "details": {"suggestions": error.suggestions},
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
    text = "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in (missing or problems)[:5]
    )
    return MissingFieldError(text) if missing else InvalidParametersError(text)


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
    message = error.description or error.name
    response = jsonify({"error": code, "code": code, "message": message, "details": {"suggestions": []}})
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
