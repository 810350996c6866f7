"""The log of a process: by the settings, or by a file for `logging.config.dictConfig`."""

from __future__ import annotations

import contextlib
import logging
import logging.config
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from auto_voice.config import Settings
from auto_voice.errors import ConfigurationError
from auto_voice.monitoring.context import FIELDS, ContextFilter

_LOG = logging.getLogger(__name__)

_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"
_FILE_HANDLER = "concurrent_log_handler.ConcurrentRotatingFileHandler"
"""Python's own handler may be used by one process only: with several, one turns the file over under another's feet."""
_COMPLAINT_SECONDS = 60.0
_FOREIGN = ("werkzeug", "alembic", "huey", "sqlalchemy.engine")
"""Libraries that tell more than an operator wants to know."""


class TextFormatter(logging.Formatter):
    """A line for people: when, how bad, what, and what it belongs to."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """The line without its traceback."""
        fields = [f"{name}={value}" for name in FIELDS if (value := getattr(record, name, None)) not in (None, "")]
        return " ".join([super().formatMessage(record), *fields])


def configure_logging(settings: Settings, process: str) -> None:
    """Set up the log of this process; called again, it follows the settings as they are then.

    Where a log file cannot be written the console alone serves, and one warning says so.

    Args:
        settings: the section `logging`.
        process: what this process is: `web`, `worker`, `supervisor`; the field `component` of every line.

    Raises:
        ConfigurationError: `logging.config_file` is not what dictConfig takes.
    """
    chosen = settings.logging.config_file
    document = _from_file(chosen) if chosen else _from_settings(settings)
    unwritable = _drop_unwritable(document)
    try:
        logging.config.dictConfig(document)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        if chosen is None:
            raise
        raise ConfigurationError(f"logging.config_file {chosen}: {_cause(error)}") from error
    context, complaint = ContextFilter(process), _Complaint()
    for handler in _handlers():
        handler.addFilter(context)
        handler.handleError = complaint  # type: ignore[method-assign]
    logging.captureWarnings(True)
    if unwritable:
        _LOG.warning("logging to the console only: %s", "; ".join(unwritable))


class _Complaint:
    """Tells on stderr that a line could not be written, once a minute: one full disk must not fill the next."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - the signature of Handler.handleError
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _COMPLAINT_SECONDS
            with contextlib.suppress(OSError, ValueError):  # the console may be what is full, or gone
                sys.stderr.write(f"lines are missing from the log: {sys.exc_info()[1]}\n")


def _from_file(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"logging.config_file {file} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"logging.config_file {file} is not a mapping")
    # Python's default is to silence every logger that the file does not name: all of ours.
    return {"disable_existing_loggers": False, **document}


def _from_settings(settings: Settings) -> dict[str, Any]:
    log = settings.logging
    handlers: dict[str, Any] = {
        "console": {"class": "logging.StreamHandler", "formatter": log.format, "stream": "ext://sys.stderr"}
    }
    if log.file:
        kept = {
            "class": _FILE_HANDLER,
            "formatter": log.format,
            "maxBytes": log.max_bytes,
            "backupCount": log.backup_count,
            "encoding": "utf-8",
            "chmod": 0o640,
        }
        handlers["file"] = {**kept, "filename": str(log.file)}
        handlers["error_file"] = {**kept, "filename": str(log.file.with_name("error.log")), "level": "ERROR"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": TextFormatter},
            "json": {"()": "pythonjsonlogger.json.JsonFormatter", "fmt": _FORMAT},
        },
        "handlers": handlers,
        "root": {"level": log.level, "handlers": list(handlers)},
        "loggers": {name: {"level": "WARNING"} for name in _FOREIGN},
    }


def _drop_unwritable(document: dict[str, Any]) -> list[str]:
    """Take out handlers whose file cannot be written. Returns what is wrong with each."""
    problems: list[str] = []
    handlers = document.get("handlers")
    if not isinstance(handlers, dict):
        return problems
    for name, handler in list(handlers.items()):
        if not isinstance(handler, dict) or "filename" not in handler:
            continue
        file = Path(str(handler["filename"]))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab"):
                pass
        except OSError as error:
            problems.append(f"{file}: {error.strerror}")
            del handlers[name]
    if problems:
        for logger in [document.get("root"), *(document.get("loggers") or {}).values()]:
            if isinstance(logger, dict) and "handlers" in logger:
                logger["handlers"] = [name for name in logger["handlers"] if name in handlers]
    return problems


def _handlers() -> set[logging.Handler]:
    """Every handler that any logger has."""
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in list(logging.Logger.manager.loggerDict))]
    return {handler for logger in loggers for handler in logger.handlers}


def _cause(error: BaseException) -> str:
    return "; ".join(filter(None, [str(error), str(error.__cause__ or "")]))
