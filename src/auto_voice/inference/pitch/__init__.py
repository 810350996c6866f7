"""The melody of vocals. Engines: `swiftf0` (default) and `fcpe` (finer, slower)."""

from __future__ import annotations

from typing import Protocol

from auto_voice.audio import Audio
from auto_voice.features import PitchContour, Progress, no_progress


class PitchExtractor(Protocol):
    """Finds the melody. Making one loads nothing; the model is leased while it works."""

    name: str

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        """Follow the fundamental frequency of one voice, sung or spoken.

        Args:
            vocals: any rate, any number of channels (heard as their mean), any length.
            progress: called about once a second or oftener.

        Returns:
            A contour with a frame for every hop from 0 to the end. Where there is no voice it is 0: in silence and
            noise everywhere.

        Raises:
            ModelLoadError: the model is not installed or cannot be read.
            OutOfMemoryError: there is not enough memory, even for the smallest pieces.
        """
