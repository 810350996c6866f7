"""What browsers are told: which pages may call us, and what our own pages may do."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_cors import CORS

from auto_voice.config import Settings
from auto_voice.config.rules import is_loopback
from auto_voice.errors import ForbiddenError
from auto_voice.web import request_log
from auto_voice.web.services import services

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SENT = ["Authorization", "Content-Type", "Idempotency-Key", "Range", "X-API-Key", request_log.HEADER]
_READABLE = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Location",
    "Retry-After",
    "X-Job-ID",
    request_log.HEADER,
]
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask, settings: Settings) -> None:
    """Check where requests come from, and complete every answer's headers."""
    origins = settings.security.allowed_origins
    app.before_request(_check_host)
    app.before_request(_check_origin)
    app.after_request(_complete)
    if origins:
        # Exact ones: as plain text, flask-cors would take an origin with a `*` or `?` in it for a pattern.
        exact = [re.compile(re.escape(origin) + r"\Z") for origin in origins]
        CORS(
            app,
            origins="*" if "*" in origins else exact,
            send_wildcard="*" in origins,
            allow_headers=_SENT,
            expose_headers=_READABLE,
            max_age=600,
        )


def check_origin() -> None:
    """Let nobody's web page use a visitor's browser to reach us.

    Raises:
        ForbiddenError: the request comes from a page of another origin that `security.allowed_origins` does not name.
    """
    origin = request.headers.get("Origin")
    allowed = services().settings.security.allowed_origins
    if origin is None or origin in allowed or "*" in allowed or _is_ours(origin):
        return
    raise ForbiddenError(
        "Web pages of that origin may not call this service.", suggestions=["Name it in `security.allowed_origins`."]
    )


def _check_origin() -> None:
    if request.method not in _READING:
        check_origin()


def _check_host() -> None:
    """Where this machine is let in without a key, another's name that leads here is a trick (DNS rebinding)."""
    settings = services().settings
    if settings.security.api_key_required or settings.server.trusted_proxies or not is_loopback(settings.server.host):
        return
    name = re.sub(r":\d*$", "", request.host).lower()
    if name != "localhost" and not is_loopback(name):
        raise ForbiddenError(
            "This service answers to localhost only.", suggestions=["Set `security.api_key_required`."]
        )


def _is_ours(origin: str) -> bool:
    """Whether a page of that origin came from us, as far as the request's own host tells."""
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    if services().settings.server.trusted_proxies and ":" not in request.host:
        host = host.partition(":")[0]  # some proxies leave the port out of what they hand on
    return host == request.host != ""


def _complete(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
