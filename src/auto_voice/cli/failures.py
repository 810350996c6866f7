"""Every error of every command ends here: a clear message, the remedy, and the documented exit code."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any

import click

from auto_voice.atomic_file import storage_error
from auto_voice.cli.output import emit_json, say
from auto_voice.errors import (
    AutoVoiceError,
    CancelledError,
    InvalidParametersError,
    OutOfMemoryError,
    ProfileNotFoundError,
)

_PROFILES = "autovoice profiles list"


class GuardedGroup(click.Group):
    """A group that turns errors into messages and exit codes, also when a test invokes it."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run and exit; with `--json` among the arguments an error is a JSON document on stdout too."""
        arguments = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in itertools.takewhile(lambda argument: argument != "--", arguments)
        extra["standalone_mode"] = False
        try:
            with _terminate_like_interrupt():
                code = super().main(arguments, *rest, **extra)
        except (click.Abort, CancelledError):
            code = report_error(CancelledError("interrupted"), as_json)
        except click.ClickException as error:
            code = _report_usage(error, as_json)
        except MemoryError:
            code = report_error(OutOfMemoryError(), as_json)
        except AutoVoiceError as error:
            code = report_error(error, as_json)
            if _wants_traceback(arguments):
                traceback.print_exc()
        except OSError as error:  # a path that was typed: too long, in a closed folder, a folder for a file
            code = report_error(storage_error(error, f"use {error.filename or 'a file'}"), as_json)
            if _wants_traceback(arguments):
                traceback.print_exc()
        except Exception as error:  # the last line of defence: a bug still ends in one readable message
            remedy = "run it again as `autovoice -v …` to see where it happened"
            unexpected = AutoVoiceError(f"{type(error).__name__}: {error}", suggestions=[remedy])
            code = report_error(unexpected, as_json)
            if _wants_traceback(arguments):
                traceback.print_exc()
        sys.exit(code if isinstance(code, int) else 0)


def error_document(error: AutoVoiceError) -> dict[str, Any]:
    """The API's error body."""
    return {
        "error": error.code,
        "code": error.code,
        "message": error.message,
        "details": {"suggestions": _suggestions(error)},
    }


def report_error(error: AutoVoiceError, as_json: bool) -> int:
    """Print an error and its remedies on stderr, with `as_json` its body on stdout too.

    Returns: the exit code.
    """
    say(f"error: {error.message}", style="bold red")
    for suggestion in _suggestions(error):
        say(f"  → {suggestion}")
    if as_json:
        emit_json(error_document(error))
    return error.exit_code


def _suggestions(error: AutoVoiceError) -> list[str]:
    """What to do about it; the errors themselves do not know which commands there are."""
    if isinstance(error, ProfileNotFoundError) and _PROFILES not in error.suggestions:
        return [*error.suggestions, f"`{_PROFILES}` prints the profiles there are."]
    return error.suggestions


def _report_usage(error: click.ClickException, as_json: bool) -> int:
    error.show(sys.stderr)
    if as_json:
        emit_json(error_document(InvalidParametersError(error.format_message())))
    return error.exit_code


def _wants_traceback(arguments: Sequence[str]) -> bool:
    return bool({"-v", "--verbose"} & set(arguments))


class _terminate_like_interrupt:  # noqa: N801 - reads as a statement
    """SIGTERM unwinds the stack as Ctrl-C does, so that temporary files are removed."""

    def __enter__(self) -> None:
        self._previous = None
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, self._raise)

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)

    @staticmethod
    def _raise(number: int, frame: FrameType | None) -> None:  # noqa: ARG004 - signal's signature
        raise SystemExit(128 + number)
