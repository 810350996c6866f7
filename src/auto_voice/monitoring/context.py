"""What a log line belongs to, and what may not stand in it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FIELDS = ("component", "request_id", "job_id", "endpoint", "method", "status", "processing_time")
"""Fields of a log line beside Python's own, in the order they are shown."""

_REMOVED = "…"
_KEY = re.compile(r"\bav_([A-Za-z0-9]+)_[A-Za-z0-9_\-]+")
_CREDENTIALS = re.compile(r"(?i)\b(bearer\s+|x-api-key\W+|://[^\s:/@]+:)[^\s@\"',]+")
_SHORTEST_PRIVATE = 3
"""A shorter text cannot be told from the words of a message."""

_fields: ContextVar[dict[str, str]] = ContextVar("log_fields", default={})  # noqa: B039 - replaced, never changed
_private: ContextVar[tuple[str, ...]] = ContextVar("log_private", default=())


@contextmanager
def log_context(*private: str | None, **fields: str | None) -> Iterator[None]:
    """Say in every log line of the block what it belongs to.

    Args:
        private: texts and names that must not appear in a line, whoever writes it.
        fields: values of `FIELDS`; None is left out.
    """
    known = {name: value for name, value in fields.items() if value is not None}
    hidden = tuple(text for text in private if text and len(text) >= _SHORTEST_PRIVATE)
    fields_before, private_before = _fields.get(), _private.get()
    _fields.set({**fields_before, **known})
    _private.set(private_before + hidden)
    try:
        yield
    finally:
        _fields.set(fields_before)
        _private.set(private_before)


def current_request_id() -> str | None:
    """The id of the request this thread works for."""
    return _fields.get().get("request_id")


class ContextFilter(logging.Filter):
    """Adds the fields of the context to each record, and takes keys and private texts out, tracebacks included."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete and clean the record; every record passes."""
        for name, value in {"component": self._component, **_fields.get()}.items():
            if not hasattr(record, name):
                setattr(record, name, value)
        try:
            record.msg = _clean(record.getMessage())
        except (TypeError, ValueError):  # arguments that do not fit: as logging does, a line is better than none
            record.msg = _clean(str(record.msg))
        record.args = None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = _clean(record.exc_text)
        return True


def _clean(text: str) -> str:
    for private in _private.get():
        text = text.replace(private, _REMOVED)
    text = _KEY.sub(rf"av_\1_{_REMOVED}", text)
    return _CREDENTIALS.sub(rf"\1{_REMOVED}", text)
