"""`autovoice doctor`: what is installed, what is missing, and the remedy."""

from __future__ import annotations

from dataclasses import asdict

import click

from auto_voice.cli.output import emit, emit_json, json_option

_SIGNS = {"ok": "✓", "note": "·", "problem": "✗"}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is installed, what is missing, and the remedy.

    Ends with exit code 1 where something is missing that AutoVoice needs.
    """
    from auto_voice.cli.health_checks import run_checks

    findings = list(run_checks())
    healthy = all(finding.state != "problem" for finding in findings)
    if as_json:
        emit_json({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            emit(f"{_SIGNS[finding.state]} {finding.subject.ljust(width)}  {finding.detail}")
            if finding.remedy:
                emit(f"  {' ' * width}  → {finding.remedy}")
        emit("\nEverything that is needed is there." if healthy else "\nSomething is missing: see ✗ above.")
    if not healthy:
        raise click.exceptions.Exit(1)
