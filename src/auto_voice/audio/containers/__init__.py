"""What containers say about themselves, read in Python before any decoder sees the file.

Each module reads the few header fields that decide whether a file is what it claims to be. Every loop ends:
it moves forward in the file, or counts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """What a header promises.

    Attributes:
        seconds: the length it states; None where it states none.
        cut: the container itself says that bytes are missing at the end.
        has_audio: there is a track of sound in it.
    """

    seconds: float | None = None
    cut: bool = False
    has_audio: bool = True
