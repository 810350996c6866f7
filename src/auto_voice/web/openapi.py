"""The API's own description, OpenAPI 3.1 at `/openapi.json`, and the page to read and try it at `/docs`.

The page is Swagger UI from the package that brings its files, so that it works without the internet.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import flask_openapi3_swagger
from flask import Blueprint, Response, current_app, jsonify, render_template
from flask_openapi3 import Info, OpenAPI

from auto_voice import __version__
from auto_voice.web import auth
from auto_voice.web.errors import ErrorBody
from auto_voice.web.limits import unlimited
from auto_voice.web.responses import ERRORS

INFO = Info(
    title="AutoVoice",
    version=__version__,
    description=(
        "Songs in another voice, speech from text, and the voices themselves. Long work is a job: the request that"
        " starts it answers 202 at once; its status is polled or watched over the WebSocket"
        " `/ws/conversion/{conversion_id}`, and its files are fetched when it is completed."
    ),
)
SECURITY_SCHEMES: dict[str, Any] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_SECURITY: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Bearer": []}]
_SWAGGER = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"

blueprint = Blueprint("docs", __name__, static_folder=_SWAGGER, static_url_path="/docs/swagger")


@blueprint.get("/openapi.json")
@unlimited
def openapi_json() -> Response:
    """The description."""
    return jsonify(document(cast(OpenAPI, current_app)))


@blueprint.get("/docs")
@unlimited
def page() -> str:
    """Swagger UI."""
    return render_template("docs.html", version=__version__)


def document(app: OpenAPI) -> dict[str, Any]:
    """The OpenAPI document: what the routes declare, and what the door adds to all of them.

    Every route that is not open names the two ways to show a key; every one may answer the common errors.
    """
    described: dict[str, Any] = app.api_doc
    for rule, operations in described["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if auth.is_open(rule) else _SECURITY
            answers = operation["responses"]
            answers.update({str(status): _error(status) for status in ERRORS if not _declared(answers, str(status))})
    return described


def _declared(answers: dict[str, Any], status: str) -> bool:
    """Whether the route says itself what that status is; the library's guess for 400 is a list, which ours is not."""
    content = answers.get(status, {}).get("content", {})
    guessed = content.get("application/json", {}).get("schema", {}).get("type") == "array"
    return status in answers and not guessed


def _error(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}
    return {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}}
