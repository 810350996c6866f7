"""Writing the audit log from a request: who and from where are added here."""

from __future__ import annotations

import logging

from flask import g, request

from auto_voice.accounts.audit import NOBODY, Act
from auto_voice.errors import StorageError
from auto_voice.monitoring.context import current_request_id
from auto_voice.web.services import services

_LOG = logging.getLogger(__name__)


def record(act: Act, target: str = "", *, actor: str | None = None, **details: str | int | float | None) -> None:
    """Note a security-relevant act of this request.

    What was done stays done where this cannot be written; the service's own log tells.

    Args:
        act: what was done.
        target: the id of what it was done to.
        actor: by whom; the caller when not given.
        details: ids and numbers; never secrets, texts or file names.
    """
    known = g.get("caller")
    actor = actor or (known.username if known else None) or NOBODY
    try:
        services().audit.record(
            actor,
            act,
            target,
            address=request.remote_addr or "",
            request_id=current_request_id() or "",
            details=details,
        )
    except StorageError as error:
        _LOG.error("not in the audit log: %s by %s on %s: %s", act, actor, target, error.message)
