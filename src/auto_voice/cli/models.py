"""`autovoice models`: what weights there are, and getting, checking and carrying them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auto_voice.cli.output import emit, emit_json, json_option, say, table
from auto_voice.cli.session import current_settings
from auto_voice.models.catalogue import ModelEntry, catalogue_version, load_catalogue, select

if TYPE_CHECKING:
    from auto_voice.models.fetch import FetchEvent, FetchProgress

_PLAIN_SECONDS = 5.0
"""How often a model in work gets a line where there is no terminal."""


@click.group()
def models() -> None:
    """List, fetch, verify, export and import model weights."""


@models.command(name="list")
@json_option
def list_models(as_json: bool) -> None:
    """Show every model, what it is for, and whether it is installed."""
    from auto_voice.models.install import is_installed

    folder = current_settings().storage.models_dir
    rows = [_facts(entry, is_installed(entry, folder)) for entry in load_catalogue().values()]
    if as_json:
        emit_json({"catalogue_version": catalogue_version(), "models_dir": str(folder), "models": rows})
        return
    emit(
        table(
            ["model", "for", "licence", "MB", "installed", "sources"],
            [
                (
                    row["id"],
                    row["purpose"],
                    row["licence"],
                    round(row["size_bytes"] / 1e6, 1),
                    "yes" if row["installed"] else "no" if row["embedded"] else "no (optional)",
                    ", ".join(dict.fromkeys(row["source_kinds"])),
                )
                for row in rows
            ],
        )
    )
    emit(f"\nfolder: {folder}")


@models.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Optional models too.")
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look for the files in this folder first.",
)
@click.option("--force", is_flag=True, help="Fetch again what is installed.")
@json_option
def fetch(ids: tuple[str, ...], everything: bool, folder: Path | None, force: bool, as_json: bool) -> None:
    """Install models; without IDS the ones that AutoVoice needs."""
    from auto_voice.models.fetch import fetch as fetch_models

    settings = current_settings()
    catalogue = load_catalogue()
    entries = select(catalogue, ids) or [entry for entry in catalogue.values() if everything or entry.embedded]
    folders = [path for path in (folder, settings.models.sources_dir) if path is not None]
    with _progress(entries) as progress:
        changed = fetch_models(entries, settings.storage.models_dir, progress=progress, force=force, folders=folders)
    _done(entries, changed, settings.storage.models_dir, as_json)


@models.command()
@click.argument("ids", nargs=-1)
@json_option
def verify(ids: tuple[str, ...], as_json: bool) -> None:
    """Read installed models and compare every checksum; without IDS all that are installed.

    Ends with exit code 6 if something is wrong.
    """
    from auto_voice.errors import ModelLoadError
    from auto_voice.models.install import verify as verify_model

    folder = current_settings().storage.models_dir
    entries = _chosen_or_installed(ids, folder)
    problems = {entry.id: verify_model(entry, folder) for entry in entries}
    if as_json:
        emit_json({"ok": not any(problems.values()), "problems": problems})
    else:
        emit("\n".join(f"{model_id}: {'; '.join(found) or 'ok'}" for model_id, found in problems.items()))
    bad = [model_id for model_id, found in problems.items() if found]
    if bad:
        if as_json:  # the document is out; a second one would not be one document any more
            sys.exit(ModelLoadError.exit_code)
        raise ModelLoadError(f"not in order: {', '.join(bad)}", suggestions=[f"autovoice models fetch {' '.join(bad)}"])


@models.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("ids", nargs=-1)
@json_option
def export(file: Path, ids: tuple[str, ...], as_json: bool) -> None:
    """Write installed models to FILE, for another machine; without IDS all that are installed."""
    from auto_voice.errors import ModelLoadError
    from auto_voice.models.bundle import export_bundle

    folder = current_settings().storage.models_dir
    entries = _chosen_or_installed(ids, folder)
    if not entries:
        raise ModelLoadError("no model is installed", suggestions=["autovoice models fetch"])
    with _progress(entries) as progress:
        export_bundle(entries, folder, file, progress=progress)
    if as_json:
        emit_json({"file": str(file), "size_bytes": file.stat().st_size, "models": [entry.id for entry in entries]})
    else:
        emit(f"{file}: {len(entries)} models, {file.stat().st_size / 1e6:.0f} MB")


@models.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Install again what is installed.")
@json_option
def import_(file: Path, force: bool, as_json: bool) -> None:
    """Install the models of FILE, a bundle made by `models export`."""
    from auto_voice.models.bundle import import_bundle

    folder = current_settings().storage.models_dir
    entries = list(load_catalogue().values())
    with _progress(entries) as progress:
        changed = import_bundle(file, folder, progress=progress, force=force)
    _done([entry for entry in entries if entry.id in changed], changed, folder, as_json)


def _facts(entry: ModelEntry, installed: bool) -> dict[str, Any]:
    return {
        "id": entry.id,
        "purpose": entry.purpose,
        "licence": entry.licence,
        "size_bytes": entry.size_bytes,
        "embedded": entry.embedded,
        "installed": installed,
        "source_kinds": [source.kind for source in entry.sources],
        "sources": [str(source) for source in entry.sources],
    }


def _chosen_or_installed(ids: Sequence[str], folder: Path) -> list[ModelEntry]:
    catalogue = load_catalogue()
    return select(catalogue, ids) or [entry for entry in catalogue.values() if (folder / entry.id).is_dir()]


def _done(entries: Sequence[ModelEntry], changed: Sequence[str], folder: Path, as_json: bool) -> None:
    present = [entry.id for entry in entries if entry.id not in changed]
    if as_json:
        emit_json({"installed": list(changed), "present": present, "models_dir": str(folder)})
        return
    if changed:
        emit(f"installed: {', '.join(changed)}")
    if present:
        emit(f"there already: {', '.join(present)}")
    emit(f"folder: {folder}")


@contextmanager
def _progress(entries: Sequence[ModelEntry]) -> Iterator[FetchProgress]:
    """A bar for each model on a terminal, else a line now and then; on stderr."""
    if not sys.stderr.isatty():
        yield _PlainLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {
            entry.id: bars.add_task(entry.id, total=entry.size_bytes, state="", visible=False) for entry in entries
        }

        def show(event: FetchEvent) -> None:
            bars.update(tasks[event.model], completed=event.done, state=event.state, visible=True)

        yield show


class _PlainLines:
    """A line for each change of state, and one every few seconds in between."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def __call__(self, event: FetchEvent) -> None:
        now = time.monotonic()
        with self._lock:
            state, when = self._last.get(event.model, ("", 0.0))
            if state == event.state and now - when < _PLAIN_SECONDS:
                return
            self._last[event.model] = (event.state, now)
            share = f" {event.done / event.total:4.0%}" if event.state == "fetching" else ""
            say(f"{event.model}: {event.state}{share} ({event.total / 1e6:.1f} MB)")
