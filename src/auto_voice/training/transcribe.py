"""What is said in a folder of recordings, written down once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from auto_voice.audio import decode
from auto_voice.errors import InvalidParametersError, LowQualityAudioError
from auto_voice.features import Progress, no_progress

if TYPE_CHECKING:
    from collections.abc import Container

    from auto_voice.utils.intelligibility import WordRecognizer

_LANGUAGE = "en"
_SUFFIXES = (".flac", ".wav", ".ogg", ".mp3")


def recordings_of(folder: Path, excluded: Container[str] = ()) -> list[Path]:
    """The recordings of a folder by name, without those of excluded speakers.

    A recording's speaker is what its name begins with, up to the first hyphen, as in LibriSpeech.
    """
    files = (path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    return sorted(path for path in files if path.stem.partition("-")[0] not in excluded)


def transcribe(
    recordings: list[Path], transcripts: Path, recognizer: WordRecognizer, progress: Progress = no_progress
) -> None:
    """Append to `transcripts` the words of every recording that is not in it yet: a JSON object a line.

    Raises:
        InputError: a recording cannot be read.
        ModelLoadError: the recogniser is not installed.
    """
    known = read_transcripts(transcripts) if transcripts.is_file() else {}
    missing = [path for path in recordings if path.stem not in known]
    with transcripts.open("a", encoding="utf-8") as file:
        for done, path in enumerate(missing):
            progress(done / len(missing))
            try:
                text = recognizer.transcribe(decode(path), _LANGUAGE).text
            except LowQualityAudioError:  # silence
                text = ""
            file.write(json.dumps({"name": path.stem, "text": text}) + "\n")
            file.flush()
    progress(1.0)


def read_transcripts(path: Path) -> dict[str, str]:
    """What was said, by the recordings' names without suffix.

    Raises:
        InvalidParametersError: the file holds no transcripts.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {line["name"]: line["text"] for line in lines}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidParametersError(
            f"{path} holds no transcripts: {error}", suggestions=["autovoice train transcribe-speech"]
        ) from error
