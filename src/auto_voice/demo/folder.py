"""The folder of a demonstration: what lies in it, and whether it may be written to."""

from __future__ import annotations

from pathlib import Path

from auto_voice.atomic_file import storage_error
from auto_voice.config import Settings
from auto_voice.config.sections import Storage
from auto_voice.errors import InvalidParametersError

MY_VOICE = "my_voice.wav"
SONG = "song.mp3"
RESULTS = {
    "converted": "converted.wav",
    "converted_mp3": "converted.mp3",
    "vocals": "vocals.wav",
    "accompaniment": "accompaniment.wav",
    "converted_vocals": "converted_vocals.wav",
    "spoken": "spoken.wav",
    "report": "report.html",
}
"""What is written each time, beside the voice and the song where these are ours."""

_OWN_DATA = ".data"


class DemoFolder:
    """A folder that the demonstration may fill.

    Args:
        path: it is made if it is not there.
        force: it may be somebody's who keeps files of the same names in it.

    Raises:
        InvalidParametersError: files would be replaced that no demonstration made.
        StorageError: the folder cannot be made.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        self.path = path
        taken = [name for name in (MY_VOICE, SONG, *RESULTS.values()) if (path / name).exists()]
        if taken and not (path / _OWN_DATA).is_dir() and not force:
            raise InvalidParametersError(
                f"{str(path / taken[0])!r} is there already, and no demonstration made it",
                suggestions=["choose another folder with --output", "--force to replace such files"],
            )
        try:
            (path / _OWN_DATA).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, f"use the folder {path}") from error

    def __truediv__(self, name: str) -> Path:
        """The path of a file in it."""
        return self.path / name

    def refuse_results(self, source: Path) -> None:
        """See that a file of the user's is not one that is about to be replaced.

        Raises:
            InvalidParametersError: it is.
        """
        for name in RESULTS.values():
            result = self.path / name
            if result.exists() and source.exists() and result.samefile(source):
                raise InvalidParametersError(
                    f"{str(source)!r} is replaced by the demonstration's own results",
                    suggestions=["copy it to another folder first"],
                )

    def settings(self, settings: Settings) -> Settings:
        """The same settings with profiles and caches in here: the user's own voices are left alone."""
        storage = Storage(
            data_dir=self.path.absolute() / _OWN_DATA,
            models_dir=settings.storage.models_dir,
            max_cache_size_gb=settings.storage.max_cache_size_gb,
        )
        return settings.model_copy(update={"storage": storage})
