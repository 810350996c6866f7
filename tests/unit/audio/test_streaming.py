"""Sound that can be heard while it is written, and encoders that leave nothing behind."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from auto_voice.audio import Audio, decode
from auto_voice.audio.sandbox import find_ffmpeg
from auto_voice.audio.streaming import STREAM_TYPES, StreamEncoder
from auto_voice.errors import AutoVoiceError, InvalidParametersError, StorageError

RATE = 24000
FORMATS = list(STREAM_TYPES)
FEW_BYTES = 256
"""More than any header without sound."""


def tone(seconds: float, hz: float = 440.0, rate: int = RATE) -> Audio:
    clock = np.arange(round(seconds * rate)) / rate
    return Audio((0.3 * np.sin(2 * np.pi * hz * clock)).astype(np.float32)[None], rate)


def heard(path: Path, format: str) -> Audio:
    """The sound in a file, by ffmpeg itself: it reads every format, headerless ones too."""
    raw = ("-f", "s16le", "-ar", "24000", "-ac", "1") if format == "pcm" else ()
    command = [find_ffmpeg(), "-loglevel", "error", *raw, "-i", str(path), "-ar", str(RATE), "-ac", "1", "-f", "f32le"]
    output = subprocess.run([*command, "pipe:1"], capture_output=True, check=True).stdout
    return Audio(np.frombuffer(output, np.float32)[None], RATE)


def eventually(true: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return value


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_what_is_heard(tmp_path: Path, format: str) -> None:
    path = tmp_path / "speech"
    with StreamEncoder(path, RATE, format) as encoder:
        encoder.write(tone(1.0, 440))
        encoder.write(tone(1.0, 880))

    sound = heard(path, format)
    assert sound.duration == pytest.approx(2.0, abs=0.12)  # mp3 and aac begin and end with their codec's padding
    for begin, hz in ((0.2, 440), (1.3, 880)):
        part = sound.mono()[int(begin * RATE) : int((begin + 0.5) * RATE)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert np.argmax(spectrum) * RATE / len(part) == pytest.approx(hz, abs=4)
        assert np.abs(part).max() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("format", FORMATS)
def test_the_first_sentence_can_be_heard_before_there_is_a_second(tmp_path: Path, format: str) -> None:
    path = tmp_path / "speech"
    with StreamEncoder(path, RATE, format) as encoder:
        encoder.write(tone(1.0))

        def most_of_it() -> bool:
            (tmp_path / "so far").write_bytes(path.read_bytes())
            return path.stat().st_size > FEW_BYTES and heard(tmp_path / "so far", format).duration > 0.7

        assert eventually(most_of_it)


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_finished_file_says_how_long_it_is(tmp_path: Path, format: str) -> None:
    with StreamEncoder(tmp_path / "speech", RATE, format) as encoder:
        encoder.write(tone(1.5))
    assert soundfile.info(tmp_path / "speech").frames == 1.5 * RATE


@pytest.mark.parametrize("format", ["mp3", "opus", "flac", "wav"])
def test_tags_are_in_the_file(tmp_path: Path, format: str) -> None:
    with StreamEncoder(tmp_path / "speech", RATE, format, {"comment": "made by a machine"}) as encoder:
        encoder.write(tone(0.5))
    assert b"made by a machine" in (tmp_path / "speech").read_bytes()


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
@pytest.mark.parametrize("format", FORMATS)
def test_any_rate_of_a_synthesizer_will_do(tmp_path: Path, rate: int, format: str) -> None:
    with StreamEncoder(tmp_path / "speech", rate, format) as encoder:
        encoder.write(tone(1.0, rate=rate))
    assert heard(tmp_path / "speech", format).duration == pytest.approx(1.0, abs=0.12)


def test_ours_can_be_decoded_by_ours(tmp_path: Path) -> None:
    with StreamEncoder(tmp_path / "speech", RATE, "opus") as encoder:
        encoder.write(tone(1.0))
    assert decode(tmp_path / "speech").duration == pytest.approx(1.0, abs=0.05)


def test_beyond_full_scale_is_clipped(tmp_path: Path) -> None:
    with StreamEncoder(tmp_path / "speech", RATE, "pcm") as encoder:
        encoder.write(Audio(np.full((1, RATE), 3.0, np.float32), RATE))
    assert np.frombuffer((tmp_path / "speech").read_bytes(), "<i2").min() == 32767


def test_a_text_given_up_leaves_no_process(tmp_path: Path) -> None:
    with pytest.raises(KeyError), StreamEncoder(tmp_path / "speech", RATE, "mp3") as encoder:
        encoder.write(tone(1.0))
        assert len(children()) == 1
        raise KeyError
    assert children() == []


def test_an_encoder_that_dies_is_noticed_and_leaves_no_process(tmp_path: Path) -> None:
    with (
        pytest.raises(AutoVoiceError, match="The encoder ended with status -9"),
        StreamEncoder(tmp_path / "speech", RATE, "mp3") as encoder,
    ):
        (process,) = children()
        process.kill()
        while True:  # what fits into the pipe is taken even then
            encoder.write(tone(10.0))
    assert children() == []


def test_an_encoder_that_dies_at_the_end_is_noticed(tmp_path: Path) -> None:
    encoder = StreamEncoder(tmp_path / "speech", RATE, "mp3")
    children()[0].kill()
    with pytest.raises(AutoVoiceError, match="status -9"):
        encoder.close()
    assert children() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_is_named(format: str) -> None:
    with (
        pytest.raises(StorageError, match="No space left on device") as caught,
        StreamEncoder(Path("/dev/full"), RATE, format) as encoder,
    ):
        for _ in range(30):
            encoder.write(tone(1.0))
    assert "Free some space" in caught.value.suggestions[0]
    assert children() == []


def test_what_cannot_be_written_is_refused_before_a_process_starts(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        StreamEncoder(tmp_path / "missing" / "speech", RATE, "mp3")
    with pytest.raises(InvalidParametersError, match="'midi'"):
        StreamEncoder(tmp_path / "speech", RATE, "midi")
    assert children() == []


def test_wrong_sound_is_refused(tmp_path: Path) -> None:
    with StreamEncoder(tmp_path / "speech", RATE, "wav") as encoder:
        with pytest.raises(InvalidParametersError, match="24000 Hz, not 16000"):
            encoder.write(tone(0.1, rate=16000))
        with pytest.raises(InvalidParametersError, match="not numbers"):
            encoder.write(Audio(np.full((1, 9), np.nan, np.float32), RATE))
        encoder.write(Audio(np.zeros((1, 0), np.float32), RATE))
        encoder.close()
        encoder.close()
    assert (tmp_path / "speech").stat().st_size < FEW_BYTES  # the header alone
