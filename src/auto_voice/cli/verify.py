"""`autovoice verify`: whether a file is what AutoVoice made and signed."""

from __future__ import annotations

from pathlib import Path

import click

from auto_voice.cli.output import emit, emit_json, json_option
from auto_voice.cli.session import current_settings
from auto_voice.errors import NotFoundError


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--sidecar",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The signed document; else FILE.provenance.json beside it.",
)
@click.option("--key", metavar="PUBLIC", help="The public key of the installation that signed; else this one's.")
@click.option("--show-key", is_flag=True, help="Print this installation's public key and stop.")
@json_option
def verify(file: Path | None, sidecar: Path | None, key: str | None, show_key: bool, as_json: bool) -> None:
    """Tell whether FILE is what AutoVoice made and signed, and which job and voice it comes from.

    Exit codes: 0 it is; 10 the file or the document was changed; 11 another installation signed it; 12 there is no
    signed document.
    """
    from auto_voice.provenance import public_key
    from auto_voice.provenance import verify as check

    if show_key:
        _show_key(public_key(current_settings()), as_json)
        return
    if file is None:
        raise click.UsageError("name the file to verify")
    statement = check(file, key or public_key(current_settings()), sidecar)
    if as_json:
        emit_json({"verified": True, "statement": statement})
        return
    facts = {
        "synthetic": "yes" if statement["synthetic"] else "no",
        "made by": f"{statement['software']} {statement['version']}, {statement['kind']}",
        "job": statement["job"],
        "voice": statement["profile"],
        "made": statement["created_at"],
    }
    emit(
        "\n".join(
            [f"{file} is as it was signed.", "", *(f"  {name:10} {fact}" for name, fact in facts.items() if fact)]
        )
    )


def _show_key(found: str | None, as_json: bool) -> None:
    if found is None:
        raise NotFoundError("Nothing was signed here yet, so there is no key.")
    if as_json:
        emit_json({"public_key": found})
    else:
        emit(found)
