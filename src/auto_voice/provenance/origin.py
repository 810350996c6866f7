"""What is said of a result: in the file itself, and in the document beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_voice import __version__

SOFTWARE = "AutoVoice"
TAG_BEGINS = "Synthetic voice"
_SIDECAR = ".provenance.json"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What made a file.

    Attributes:
        kind: of the job: conversion, speech, stream.
        job: its id; None on the command line.
        profile: the id of the cloned voice, or the name of the stock voice.
    """

    kind: str
    job: str | None
    profile: str | None


def tags(job: str | None, profile: str | None) -> dict[str, str]:
    """For `audio.write(tags=...)`: says to every player that the voice is synthetic, and whose work it is."""
    facts = [f"made by {SOFTWARE} {__version__}"]
    facts += [f"job {job}"] if job else []
    facts += [f"profile {profile}"] if profile else []
    return {"comment": f"{TAG_BEGINS}: {', '.join(facts)}"}


def sidecar_of(file: Path) -> Path:
    """Where the signed document of a file is: beside it, under its whole name and `.provenance.json`."""
    return file.with_name(f"{file.name}{_SIDECAR}")


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: JSON with sorted keys, without blanks, in ASCII. Raises ValueError for NaN."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")
