#!/usr/bin/env python3
"""Bring the cache to its size limit: what has expired goes first, then what was not used for longest."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from auto_voice.cli.failures import report_error
from auto_voice.cli.output import emit, emit_json
from auto_voice.config import load_settings
from auto_voice.errors import AutoVoiceError
from auto_voice.storage.cache import open_room


@click.command()
@click.option("--config", "files", type=click.Path(path_type=Path), multiple=True, help="Later files win.")
@click.option("--max-size-gb", type=click.FloatRange(min=0), help="A limit other than the configured one.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def optimize_cache(files: tuple[Path, ...], max_size_gb: float | None, dry_run: bool, as_json: bool) -> None:
    """Remove expired and least recently used cache entries."""
    room = open_room(load_settings(files))
    room = room if max_size_gb is None else replace(room, max_bytes=int(max_size_gb * 2**30))
    removed = room.superfluous() if dry_run else room.prune(wait_seconds=30)
    paths, freed = [str(entry.path) for entry in removed], sum(entry.size for entry in removed)
    if as_json:
        return emit_json({"removed": paths, "freed_bytes": freed, "dry_run": dry_run})
    verb = "Would remove" if dry_run else "Removed"
    return emit("\n".join(f"{verb} {what}" for what in [*paths, f"{freed / 2**20:.1f} MiB in all"]))


if __name__ == "__main__":
    try:
        optimize_cache()
    except AutoVoiceError as error:
        sys.exit(report_error(error, as_json="--json" in sys.argv))
