"""What commands print: results on stdout, all else on stderr; bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import click

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


class ProgressLine(Protocol):
    """A progress display; called with the fraction alone it serves as any stage's progress callback."""

    def __call__(self, fraction: float, label: str = "") -> None:
        """Show `fraction` (0–1) of the work done, and what is being done."""


def json_option(command: _Decorated) -> _Decorated:
    """Give a command `--json`, which reaches it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)


def emit_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print the one JSON document of a run. NaN and infinity become null, unknown types text."""
    text = json.dumps(_finite(document), indent=2, ensure_ascii=False, default=str)
    click.echo(text.encode("utf-8", "backslashreplace"))


def emit(text: str = "") -> None:
    """Print a result for people, on stdout."""
    click.echo(text.encode("utf-8", "backslashreplace"))


def say(text: str, style: str | None = None) -> None:
    """Print a message on stderr; `style` (rich's words) colours it on a terminal."""
    if style and sys.stderr.isatty():
        from rich.console import Console
        from rich.text import Text

        Console(stderr=True).print(Text(text, style=style), soft_wrap=True)
    else:
        click.echo(text.encode("utf-8", "backslashreplace"), err=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    say(f"warning: {text}", style="yellow")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows in aligned columns; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    right = [all(isinstance(row[i], int | float) for row in rows) and bool(rows) for i in range(len(headers))]

    def line(values: Sequence[str]) -> str:
        aligned = (v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True))
        return "  ".join(aligned).rstrip()

    return "\n".join([line(headers), "  ".join("─" * width for width in widths), *map(line, cells)])


@contextmanager
def progress_line(description: str, *, time_left: bool = False) -> Iterator[ProgressLine]:
    """Progress on stderr while the block runs: a bar on a terminal, else a line each time a tenth is done.

    Args:
        description: what is being done.
        time_left: say how much longer it will take; for work that goes on evenly.
    """
    if sys.stderr.isatty():
        with _bar(description, time_left) as bar:
            yield bar
    else:
        yield _PlainLines(description, time_left)


@contextmanager
def _bar(description: str, time_left: bool) -> Iterator[ProgressLine]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    ]
    if time_left:
        columns += [TextColumn("·"), TimeRemainingColumn(), TextColumn("left")]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(escape(description), total=1.0)

        def show(fraction: float, label: str = "") -> None:
            text = f"{description} · {label}" if label else description
            progress.update(task, completed=fraction, description=escape(text))

        yield show


class _PlainLines:
    """Progress in a log file: one line for each new label and each tenth."""

    def __init__(self, description: str, time_left: bool) -> None:
        self._description = description
        self._time_left = time_left
        self._begun = time.monotonic()
        self._shown = (-1, "")

    def __call__(self, fraction: float, label: str = "") -> None:
        step = (int(fraction * 10), label)
        if step != self._shown:
            self._shown = step
            say(f"{self._description}: {fraction:4.0%} {label}".rstrip() + self._remaining(fraction))

    def _remaining(self, fraction: float) -> str:
        if not self._time_left or not 0 < fraction < 1:
            return ""
        seconds = round((time.monotonic() - self._begun) * (1 - fraction) / fraction)
        return f", about {seconds // 60}:{seconds % 60:02} left"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # a NumPy scalar
        return _finite(value.item())
    if isinstance(value, float) and value - value != 0:
        return None
    return value
