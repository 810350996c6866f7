"""`autovoice audit`: the audit log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from auto_voice.cli.output import emit, emit_json, json_option, say, table
from auto_voice.cli.session import current_settings
from auto_voice.cli.times import duration, iso, shown

if TYPE_CHECKING:
    from auto_voice.accounts import Audit


@click.command()
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, metavar="N")
@click.option("--actor", metavar="NAME", help="Only what this user did; - for those that nobody recognised.")
@click.option("--act", "acts", multiple=True, metavar="ACT", help="Only these: key_refused, voice_deleted… May repeat.")
@click.option("--since", type=duration, metavar="TIME", help="Only the last 7d, 12h….")
@click.option("--forget", type=duration, metavar="TIME", help="Remove what is older than 365d, 1y… and stop.")
@json_option
def audit(
    limit: int,
    actor: str | None,
    acts: tuple[str, ...],
    since: float | None,
    forget: float | None,
    as_json: bool,
) -> None:
    """Show who did what that matters for the service's security, the newest first."""
    from auto_voice.accounts.audit import ACTS, Audit
    from auto_voice.database.schema import open_prepared

    for act in acts:
        if act not in ACTS:
            raise click.UsageError(f"there is no act {act!r}; there are {', '.join(ACTS)}")
    log, now = Audit(open_prepared(current_settings())), time.time()
    if forget is not None:
        _forget(log, now - forget, as_json)
        return
    found = log.list(limit=limit, actor=actor, acts=acts, since=None if since is None else now - since)
    if as_json:
        emit_json({"entries": [{**vars(entry), "at": iso(entry.at)} for entry in found]})
    elif found:
        rows = [
            (
                shown(entry.at),
                entry.actor,
                entry.act,
                entry.target,
                entry.address,
                ", ".join(f"{name}={value}" for name, value in entry.details.items()),
            )
            for entry in found
        ]
        emit(table(("when", "who", "act", "on", "from", "details"), rows))
    else:
        say("Nothing of the kind is in the audit log.")


def _forget(log: Audit, before: float, as_json: bool) -> None:
    removed = log.forget(before)
    if as_json:
        emit_json({"removed": removed})
    else:
        say(f"removed {removed} entries")
