"""How often one client may ask: counted by key where there is one, else by address.

Where requests are counted in memory, each web process counts for itself: with several of them, or several servers,
`security.rate_limit_storage` names a Redis that they share. While that cannot be reached each counts for itself too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter, RequestLimit
from limits.errors import ConfigurationError as LimitsError

from auto_voice.config import Settings
from auto_voice.errors import ConfigurationError, RateLimitedError
from auto_voice.web.caller import known_caller
from auto_voice.web.errors import answer_to

Costly = Literal["conversions", "clones"]
View = TypeVar("View", bound=Callable[..., Any])

_MARK = "auto_voice_limit"
_UNLIMITED = "unlimited"
_REDIS_TIMEOUTS: dict[str, str | int] = {"socket_connect_timeout": 1, "socket_timeout": 1}


def limited(what: Costly) -> Callable[[View], View]:
    """Mark a view that starts something costly: it has a limit of its own beside the general one.

    It stands directly above the function: `@blueprint.post(...)`, then `@limited("conversions")`.
    """

    def mark(view: View) -> View:
        setattr(view, _MARK, what)
        return view

    return mark


def unlimited(view: View) -> View:
    """Mark a view that may be asked as often as one likes: status, downloads, health. Stands as `limited` does."""
    setattr(view, _MARK, _UNLIMITED)
    return view


def init_app(app: Flask, settings: Settings) -> None:
    """Count the app's requests, all of whose routes are registered by now.

    Raises:
        ConfigurationError: the storage's client library is not installed.
    """
    if not settings.security.rate_limiting_enabled:
        return
    limiter = Limiter(
        _client,
        application_limits=[f"{settings.limits.requests_per_hour} per hour"],
        storage_uri=settings.security.rate_limit_storage or "memory://",
        storage_options=_REDIS_TIMEOUTS if settings.security.rate_limit_storage not in (None, "memory://") else {},
        in_memory_fallback_enabled=True,
        on_breach=_refuse,
        key_prefix="autovoice",
    )
    limiter.request_filter(_is_unlimited)
    try:
        limiter.init_app(app)
    except LimitsError as error:
        raise ConfigurationError(
            f"security.rate_limit_storage cannot be used: {error}",
            suggestions=["memory:// and redis://host:port/db always work; others need their client installed."],
        ) from error
    amounts: dict[Costly, int] = {
        "conversions": settings.limits.conversions_per_hour,
        "clones": settings.limits.clones_per_hour,
    }
    views = cast(dict[str, Callable[..., Any]], app.view_functions)
    for endpoint, view in views.items():
        what = getattr(view, _MARK, None)
        if what in amounts:
            limit = limiter.shared_limit(f"{amounts[cast(Costly, what)]} per hour", scope=cast(str, what))
            views[endpoint] = limit(view)


def _client() -> str:
    """Whom a request is counted for."""
    who = known_caller()
    return f"key:{who.key_id}" if who is not None and who.key_id else f"address:{request.remote_addr}"


def _is_unlimited() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return request.method == "OPTIONS" or getattr(view, _MARK, None) == _UNLIMITED


def _refuse(breached: RequestLimit) -> Response:
    """The answer to one request too many; raised from here, the limiter would take it for its storage's failure."""
    wait = max(1, math.ceil(breached.reset_at - time.time()))
    return answer_to(
        RateLimitedError(
            f"Too many requests: {breached.limit} are allowed.",
            suggestions=[f"Ask again in {wait} seconds."],
            retry_after_seconds=wait,
        )
    )
