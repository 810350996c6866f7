"""The whole web application, made in one place; `python -m auto_voice.web.app` is `autovoice serve`."""

from __future__ import annotations

import sys

from flask_openapi3 import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from auto_voice.config import Settings
from auto_voice.config.load import configured_settings
from auto_voice.web import (
    auth,
    errors,
    facts,
    headers,
    limits,
    openapi,
    pages,
    request_log,
    services,
    uploads,
    waiting,
    websocket_handler,
)
from auto_voice.web.routes import blueprints
from auto_voice.web.upload_request import UploadRequest

_MULTIPART_BYTES = 4 << 20
"""Room for the text fields and headings of a form, beside its file."""
_FORM_PARTS = 64
_FIELD_BYTES = 512 << 10
"""A form's text fields are held in memory; long texts come in JSON."""


def create_app(settings: Settings | None = None) -> OpenAPI:
    """The web application.

    Args:
        settings: the configured ones when not given.

    Raises:
        ConfigurationError: something that the settings name cannot be used.
        StorageError: the database cannot be used.
    """
    settings = settings or configured_settings()
    app = _Application(
        __name__,
        info=openapi.INFO,
        security_schemes=openapi.SECURITY_SCHEMES,
        doc_ui=False,
        validation_error_status=400,
        validation_error_model=errors.ErrorBody,
        validation_error_callback=errors.validation_response,
    )
    app.config.update(
        MAX_CONTENT_LENGTH=(settings.limits.max_audio_size_mb << 20) + _MULTIPART_BYTES,
        MAX_FORM_MEMORY_SIZE=_FIELD_BYTES,
        MAX_FORM_PARTS=_FORM_PARTS,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    proxies = settings.server.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    opened = services.open_services(settings)
    services.attach(app, opened)
    facts.init_app(app, opened)
    errors.register_errors(app)
    # In the order in which a request meets them.
    request_log.init_app(app)
    headers.init_app(app, settings)
    auth.init_app(app)
    uploads.init_app(app)
    waiting.init_app(app, settings)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(openapi.blueprint)
    for blueprint in blueprints():
        app.register_api(blueprint)
    websocket_handler.init_app(app, settings)
    limits.init_app(app, settings)
    return app


class _Application(OpenAPI):
    request_class = UploadRequest


def main() -> None:
    """`autovoice serve` with this process's arguments."""
    from auto_voice.cli import main as command_line

    command_line(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    main()
