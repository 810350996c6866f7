"""The door: every request shows a key, but for those to the few open addresses below."""

from __future__ import annotations

from flask import Flask, Response, current_app, g, request

from auto_voice.accounts import Identity, Refusal
from auto_voice.accounts.audit import NOBODY
from auto_voice.errors import ApiKeyRequiredError, InvalidApiKeyError, RateLimitedError
from auto_voice.web import audit
from auto_voice.web.caller import Caller, set_caller
from auto_voice.web.services import services
from auto_voice.web.throttle import Throttle

OPEN_RULES = frozenset({"/", "/docs", "/openapi.json", "/health", "/api/v1/health", "/ready", "/metrics"})
"""What anybody may read. Whatever is not listed here or below needs a key, so a new route is closed."""

OPEN_FOLDERS = ("/static/", "/docs/")
"""The same with everything below: pages, scripts and styles, nothing of anybody's."""

SOCKETS = "/ws/"
"""WebSockets are let in by `socket_caller`: they may come with a ticket, and are refused in their own words."""

WRONG_KEYS_PER_MINUTE = 60
"""Of one address; beyond that they are answered 429, while right keys from there still open."""

_RECORDED_PER_MINUTE = 120
"""Refusals written to the audit log by one process, so that guessing does not fill the disk."""

_EXTENSION = "auto_voice.wrong_keys"
_EVERYBODY = "everybody"
_CHALLENGE = 'Bearer realm="AutoVoice"'


def init_app(app: Flask) -> None:
    """Put the door in. To be called before anything else that looks at requests: what follows knows the caller."""
    app.extensions[_EXTENSION] = Throttle()
    app.before_request(_at_the_door)
    app.after_request(_on_the_way_out)


def is_open(rule: str) -> bool:
    """Whether a route, by its URL rule, needs no key."""
    return rule in OPEN_RULES or rule.startswith(OPEN_FOLDERS)


def socket_caller(job_id: str) -> Caller:
    """Who opens this WebSocket on that job: by a key in a header, or by a one-time `?ticket=`.

    Raises:
        ApiKeyRequiredError: neither was sent.
        InvalidApiKeyError: the key or ticket does not open.
        RateLimitedError: that came too often from there.
    """
    ticket = request.args.get("ticket")
    if ticket is None or _sent_key() is not None or not services().settings.security.api_key_required:
        found = _caller()
    else:
        identity = services().tickets.redeem(ticket, job_id)
        if identity is None:
            raise _refused(Refusal("unknown"), "ticket")
        found = Caller(identity.username, identity.role)
    set_caller(found)
    return found


def _at_the_door() -> None:
    rule = request.url_rule.rule if request.url_rule else ""
    # A preflight comes without headers of its own making; Flask answers it, no route sees it.
    if is_open(rule) or rule.startswith(SOCKETS) or request.method == "OPTIONS":
        return
    set_caller(_caller())


def _caller() -> Caller:
    """Who sends this request, by the key in its headers."""
    if not services().settings.security.api_key_required:
        return Caller(None, "admin")
    key = _sent_key()
    if key is None:
        raise ApiKeyRequiredError(
            suggestions=[
                "Send it as `X-API-Key: …` or `Authorization: Bearer …`.",
                "Whoever runs the service makes one: `autovoice keys create`.",
            ]
        )
    found = services().accounts.examine(key)
    if isinstance(found, Identity):
        return Caller(found.username, found.role, found.key_id)
    raise _refused(found, "key")


def _sent_key() -> str | None:
    """The key as it was sent, not checked."""
    if key := request.headers.get("X-API-Key", "").strip():
        return key
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _refused(refusal: Refusal, what: str) -> Exception:
    """What to answer to a wrong key or ticket: the same whatever is wrong with it. The log knows."""
    wrong_keys: Throttle = current_app.extensions[_EXTENSION]
    tries = wrong_keys.count(request.remote_addr or "")
    if tries in (1, WRONG_KEYS_PER_MINUTE) and wrong_keys.count(_EVERYBODY) <= _RECORDED_PER_MINUTE:
        audit.record(
            "key_refused" if tries == 1 else "keys_guessed",
            refusal.key_id or "",
            actor=refusal.username or NOBODY,
            what=what,
            reason=refusal.reason,
        )
    if tries > WRONG_KEYS_PER_MINUTE:
        return RateLimitedError("Too many wrong keys from this address.", suggestions=["Try again in a minute."])
    return InvalidApiKeyError(suggestions=["It may be mistyped, revoked or expired; ask the operator for another."])


def _on_the_way_out(response: Response) -> Response:
    if response.status_code == 401:
        response.headers.setdefault("WWW-Authenticate", _CHALLENGE)
    if response.status_code == 429:
        response.headers.setdefault("Retry-After", "60")
    acted_for = g.get("acted_for")
    if acted_for is not None and request.method not in ("GET", "HEAD") and response.status_code < 400:
        audit.record("acted_for", acted_for, method=request.method, endpoint=request.endpoint or "")
    return response
