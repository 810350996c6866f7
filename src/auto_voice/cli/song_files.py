"""Which songs are meant, and where their conversions go: decided and checked before any work is done."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auto_voice.errors import InvalidParametersError, NotFoundError

if TYPE_CHECKING:
    from auto_voice.audio import Audio

SONG_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".webm"})
"""What counts as a song in a folder. A file that is named itself may be called anything."""

_UNSAFE_IN_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
_LONGEST_NAME_BYTES = 200


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the files of one conversion go.

    Attributes:
        mix: the converted song.
        vocals: its stem; None unless asked for.
        instrumental: see vocals.
        report: see vocals.
    """

    mix: Path
    vocals: Path | None = None
    instrumental: Path | None = None
    report: Path | None = None

    def files(self) -> list[Path]:
        """All of them."""
        return [path for path in (self.mix, self.vocals, self.instrumental, self.report) if path]


def find_songs(arguments: Sequence[str]) -> list[Path]:
    """Songs named by files, folders (the songs right in them) and patterns, in order, each once.

    Raises:
        NotFoundError: an argument means nothing.
    """
    songs: dict[Path, None] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.suffix.lower() in SONG_SUFFIXES)
        elif os.path.lexists(path):
            found = [path]
        else:
            found = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207
        if not found:
            where = f"no song in the folder {argument!r}" if path.is_dir() else f"no file {argument!r}"
            raise NotFoundError(where, suggestions=["check the spelling of the path"])
        songs.update(dict.fromkeys(found))
    return list(songs)


def target_of(
    song: Path,
    voice_name: str,
    output: Path | None,
    suffix: str,
    *,
    into_folder: bool,
    stems: bool,
    report: bool,
) -> Target:
    """Where the conversion of `song` goes.

    Args:
        song: the original.
        voice_name: becomes part of the name, "song (voice).wav", beside the original unless told otherwise.
        output: a file, or with `into_folder` a folder; None for beside the original.
        suffix: of the converted song, with its dot.
        into_folder: `output` is a folder.
        stems: the stems are wanted.
        report: the report is wanted.
    """
    if output is None or into_folder:
        voice = _UNSAFE_IN_NAMES.sub("_", voice_name)
        name = shortened(f"{song.stem} ({voice})")
        mix = (output or song.parent) / f"{name}{suffix}"
    else:
        mix = output
    return Target(
        mix=mix,
        vocals=mix.with_name(f"{mix.stem} - vocals{mix.suffix}") if stems else None,
        instrumental=mix.with_name(f"{mix.stem} - instrumental{mix.suffix}") if stems else None,
        report=mix.with_suffix(".html") if report else None,
    )


def check_target(target: Target, song: Path, force: bool) -> None:
    """See that the files can be written, and that nothing is overwritten by mistake; the original never is.

    Raises:
        InvalidParametersError: a file is there already, or is the song itself, or its folder is not there.
    """
    folder = target.mix.parent
    if not folder.is_dir():
        raise InvalidParametersError(f"there is no folder {str(folder)!r}", suggestions=["make it first"])
    if not os.access(folder, os.W_OK):
        raise InvalidParametersError(
            f"the folder {str(folder)!r} cannot be written to", suggestions=["choose another with --output"]
        )
    for file in target.files():
        if not file.exists():
            continue
        if song.exists() and file.samefile(song):
            raise InvalidParametersError(f"{str(file)!r} is the song itself", suggestions=["choose another --output"])
        if not force:
            raise InvalidParametersError(
                f"{str(file)!r} is there already", suggestions=["--force to replace it", "another --output"]
            )


def is_folder(output: str) -> bool:
    """Whether `--output` means a folder: it is one, or it ends like one."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def write_together(
    files: Mapping[Path, Audio], file_format: str | None, tags: Mapping[Path, Mapping[str, str]] | None = None
) -> None:
    """Write all the files or, when one cannot be written or the user interrupts, none that was not there before.

    Args:
        files: sounds by their paths.
        file_format: of all; None: by their suffixes.
        tags: of those files that get any, as `audio.write` takes them.

    Raises:
        StorageError: the disk is full, or the folder is closed to us.
    """
    from auto_voice.audio import write

    new = [path for path in files if not path.exists()]
    try:
        for path, audio in files.items():
            write(path, audio, format=file_format, tags=(tags or {}).get(path))
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise


def shortened(name: str) -> str:
    """A file name, in whatever bytes, that leaves room for suffixes within the 255 bytes of common file systems."""
    while len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        name = name[:-1]
    return name
