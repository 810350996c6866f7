"""Every bad file ends in its error: quickly, quietly and in little memory, whatever the decoders do."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hostile_audio
from auto_voice.audio import Audio, AudioInfo, decode, probe
from auto_voice.errors import InputError
from hostile_audio import BAD, GOOD

# Damage in the middle, and samples that are no numbers, only show when the file is decoded.
ONLY_DECODING_SHOWS = {"cut flac", "cut mp3", "flac with a hole", "NaN", "infinite"}


@pytest.mark.parametrize("name", BAD)
def test_every_bad_file_is_refused_with_its_code(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = BAD[name].make(tmp_path)
    capfd.readouterr()
    begin = time.monotonic()
    for source in (path, path.read_bytes()):
        with pytest.raises(InputError) as caught:
            decode(source)
        assert caught.value.code == BAD[name].code
        assert caught.value.suggestions
    if name not in ONLY_DECODING_SHOWS:
        with pytest.raises(InputError) as caught:
            probe(path)
        assert caught.value.code == BAD[name].code
    assert time.monotonic() - begin < 15
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["cut mp3", "cut wav", "cut ogg", "cut m4a, index in front", "lying wav"])
def test_a_cut_file_says_how_much_can_be_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"only the first [\d.]+ s"):
        decode(BAD[name].make(tmp_path))


@pytest.mark.parametrize("make", [hostile_audio.quiet, hostile_audio.noise, hostile_audio.clipped, hostile_audio.short])
def test_good_audio_of_bad_taste_is_read(make: hostile_audio.Maker, tmp_path: Path) -> None:
    """Silence, noise, clipping and 0.2 s are for the stages to judge."""
    assert decode(make(tmp_path)).frames > 0


@pytest.mark.parametrize("name", ["wav 24 bit", "aiff", "flac 16 bit", "ogg vorbis", "opus", "mp3", "m4a", "webm opus"])
def test_damaged_files_are_read_or_refused_and_nothing_else(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = GOOD[name].make(tmp_path).read_bytes()
    capfd.readouterr()
    chance = random.Random(name)
    outcomes = set()
    for _ in range(10):
        data = bytearray(good)
        for _ in range(chance.choice((1, 8, 64))):
            data[chance.randrange(chance.choice((64, len(data))))] = chance.randrange(256)
        data = data[: chance.choice((len(data), chance.randrange(len(data))))]
        for read in (decode, probe):
            try:
                assert isinstance(read(bytes(data)), Audio | AudioInfo)
                outcomes.add("read")
            except InputError as error:
                assert "libsndfile" not in error.message and "0x" not in error.message
                outcomes.add("refused")
    assert "refused" in outcomes
    assert capfd.readouterr() == ("", "")


MEASURE = """
import resource, sys
from auto_voice.audio import decode, probe
from auto_voice.errors import AutoVoiceError
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
try:
    decode(sys.argv[1])
    print("read", peak() - before)
except AutoVoiceError as error:
    print(error.code, peak() - before)
"""


def peak_megabytes(path: Path) -> tuple[str, float]:
    """How decoding ends, and by how much it raises the peak memory of a process of its own."""
    output = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    ).stdout.split()
    return output[0], float(output[1])


@pytest.mark.parametrize("name", ["a day in a megabyte", "a day of unstated length", "lying wav"])
def test_bombs_and_lies_cost_no_memory(name: str, tmp_path: Path) -> None:
    code, megabytes = peak_megabytes(BAD[name].make(tmp_path))
    assert code == BAD[name].code
    # The unstated day is 10 minutes at 8 kHz in stereo before it is refused: 38 MB.
    assert megabytes < 60


def test_a_long_file_costs_its_samples_and_little_more(tmp_path: Path) -> None:
    """Five minutes of stereo at 44.1 kHz are 101 MB of samples."""
    code, megabytes = peak_megabytes(hostile_audio.silent_flac(300, 300)(tmp_path))
    assert code == "read"
    assert megabytes < 125
