"""The whole web application, made in one place; `python -m auto_voice.web.app` is `autovoice serve`."""

from __future__ import annotations

from typing import Any

from flask_openapi3 import Info, OpenAPI

from auto_voice import __version__
from auto_voice.config import Settings, load_settings
from auto_voice.web import errors, services
from auto_voice.web.routes import blueprints

SECURITY_SCHEMES: dict[str, Any] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}


def create_app(settings: Settings | None = None) -> OpenAPI:
    """The web application.

    Args:
        settings: the configured ones when not given.
    """
    settings = settings or load_settings()
    app = OpenAPI(
        __name__,
        info=Info(title="AutoVoice", version=__version__),
        security_schemes=SECURITY_SCHEMES,
        doc_ui=True,
        doc_prefix="",
        doc_url="/openapi.json",
        validation_error_status=400,
        validation_error_model=errors.ErrorBody,
        validation_error_callback=errors.validation_response,
    )
    services.attach(app, services.open_services(settings))
    errors.register_errors(app)
    for blueprint in blueprints():
        app.register_api(blueprint)
    return app
