"""Taking a song apart: vocals, and everything else.

Engines: `spleeter` (embedded) and the `demucs` package's `htdemucs` and `htdemucs_ft`. All of them estimate the vocals;
the accompaniment is the rest of the song, so that the two stems together are the song again.
"""

from __future__ import annotations

from typing import Protocol

from auto_voice.audio import Audio
from auto_voice.features import Progress, Stems, no_progress


class Separator(Protocol):
    """Takes a song apart. Making one loads nothing; the model is leased while it works."""

    name: str
    """The model that does the work, as results report it."""

    def separate(self, mix: Audio, progress: Progress = no_progress) -> Stems:
        """Take `mix` apart.

        Args:
            mix: any rate, any number of channels, any length.
            progress: called about once a second or oftener.

        Returns:
            Stems of the mix's rate, channels and length, whose sum is the mix to float precision.

        Raises:
            ModelLoadError: the model is not installed or cannot be read.
            OutOfMemoryError: there is not enough memory, even for the smallest windows.
        """
