"""`autovoice speak`: text from the command line, a file or a pipe, to a sound file or a pipe."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from auto_voice.cli.output import emit, emit_json, json_option, progress_line, table, warn
from auto_voice.cli.session import current_settings
from auto_voice.errors import InvalidParametersError, NotFoundError, StorageError

if TYPE_CHECKING:
    from auto_voice.audio import Audio

_LARGEST_FILE = 4 << 20  # bytes; a million characters of any kind fit
_UNKNOWN_LENGTH = 0xFFFFFFFF  # what a WAV header says when its length is not known yet


@click.command()
@click.argument("text", required=False)
@click.option("--file", "source", metavar="FILE", help="Read the text from a file; - is standard input.")
@click.option("--voice", metavar="VOICE", help="A stock voice, several mixed with +, or a profile.")
@click.option("--profile", metavar="PROFILE", help="A cloned voice: a profile's id or name.")
@click.option("--speed", type=float, metavar="FACTOR", help="0.25 to 4; 1 is the voice's own.")
@click.option("--pitch", type=float, default=0.0, show_default=True, metavar="SEMITONES", help="-12 to 12.")
@click.option("-o", "--output", default="speech.wav", show_default=True, metavar="FILE", help="- for a pipe (WAV).")
@click.option("--force", is_flag=True, help="Replace the file if it is there already.")
@click.option("--list-voices", is_flag=True, help="List the stock voices and stop.")
@json_option
def speak(
    text: str | None,
    source: str | None,
    voice: str | None,
    profile: str | None,
    speed: float | None,
    pitch: float,
    output: str,
    force: bool,
    list_voices: bool,
    as_json: bool,
) -> None:
    """Read TEXT aloud: English, with numbers, dates, money and addresses said as people say them.

    Without TEXT it reads --file or, in a pipe, standard input.
    """
    if list_voices:
        _list_voices(as_json)
        return
    if voice and profile:
        raise click.UsageError("--voice and --profile exclude each other")
    if output == "-" and as_json:
        raise click.UsageError("standard output cannot take both the sound and --json")
    text = _text(text, source)
    _check_output(output, force)

    from auto_voice.inference.engine import LONGEST_WHOLE, TTSEngine, check_length
    from auto_voice.inference.speech.text.sentences import pieces

    if output != "-":
        check_length(text, LONGEST_WHOLE, "pipe it (--output -), or speak it in parts")
    engine = TTSEngine(current_settings())
    begin = time.perf_counter()
    spoken = engine.stream(text, profile or voice, speed, pitch, on_warning=warn)
    watched = _with_progress(spoken, sum(1 for _ in pieces(text)))
    if output == "-":
        _pipe(watched, engine.sample_rate)
        return
    audio = _write(watched, output, profile or voice or current_settings().tts.voice)
    seconds = time.perf_counter() - begin
    if as_json:
        emit_json(
            {
                "output": output,
                "duration_seconds": round(audio.duration, 3),
                "sample_rate": audio.sample_rate,
                "characters": len(text),
                "seconds": round(seconds, 3),
            }
        )
    else:
        emit(f"{output}: {audio.duration:.1f} s of speech in {seconds:.1f} s")


def _list_voices(as_json: bool) -> None:
    from auto_voice.inference.speech.voices import VOICES

    if as_json:
        emit_json([vars(voice) for voice in VOICES.values()])
    else:
        rows = [[voice.name, voice.language, voice.gender] for voice in VOICES.values()]
        emit(table(["voice", "language", "gender"], rows))


def _text(text: str | None, source: str | None) -> str:
    if text is not None and source is not None:
        raise click.UsageError("give TEXT or --file, not both")
    if text is not None:
        return text
    if source is None and sys.stdin.isatty():
        raise click.UsageError("give TEXT, --file FILE, or text on standard input")
    name = "standard input" if source in (None, "-") else str(source)
    try:
        if source in (None, "-"):
            content = sys.stdin.buffer.read(_LARGEST_FILE + 1)
        else:
            with Path(str(source)).open("rb") as file:
                content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise NotFoundError(f"no such file: {name}") from None
    except OSError as error:
        raise StorageError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST_FILE:
        raise InvalidParametersError(f"{name} is too long; at most a million characters are taken")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidParametersError(f"{name} is not a text in UTF-8") from None


def _check_output(output: str, force: bool) -> None:
    """Refuse before the work what could not be written after it."""
    if output == "-":
        if sys.stdout.isatty():
            raise click.UsageError("sound on a terminal is noise: redirect standard output")
        return
    from auto_voice.audio.encode import FORMATS

    path = Path(output)
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in FORMATS:
        raise InvalidParametersError(f"cannot write {suffix!r} files", suggestions=[f"use {', '.join(FORMATS)}"])
    if not path.parent.is_dir():
        raise NotFoundError(f"no such folder: {path.parent}")
    if path.exists() and not force:
        raise InvalidParametersError(f"{path} is there already", suggestions=["--force replaces it"])


def _with_progress(spoken: Iterator[Audio], count: int) -> Iterator[Audio]:
    with progress_line("speak") as show:
        for index, audio in enumerate(spoken, 1):
            yield audio
            show(index / count)


def _write(spoken: Iterator[Audio], output: str, voice: str) -> Audio:
    from auto_voice.audio import write
    from auto_voice.inference.speech.shaping import joined
    from auto_voice.provenance import tags

    audio = joined(list(spoken))
    write(output, audio, tags=tags(None, voice))
    return audio


def _pipe(spoken: Iterator[Audio], sample_rate: int) -> None:
    """16-bit mono WAV on standard output, each sentence as soon as it is spoken."""
    stream = sys.stdout.buffer
    layout = struct.pack("<HHIIHH", 1, 1, sample_rate, sample_rate * 2, 2, 16)
    riff = b"RIFF" + struct.pack("<I", _UNKNOWN_LENGTH) + b"WAVEfmt " + struct.pack("<I", len(layout)) + layout
    stream.write(riff + b"data" + struct.pack("<I", _UNKNOWN_LENGTH))
    for audio in spoken:
        stream.write((np.clip(audio.mono(), -1, 1) * 32767).round().astype("<i2").tobytes())
        stream.flush()
