"""Good files of every kind are read as they are; limits are kept, and every refusal says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

import hostile_audio
from auto_voice.audio import DecodeLimits, decode, probe
from auto_voice.errors import (
    AudioTooShortError,
    FileTooLargeError,
    InputError,
    InvalidAudioError,
    NotFoundError,
)
from hostile_audio import GOOD, RATE, tone

# Codecs ring where the tone begins and ends.
INTERIOR = slice(RATE // 20, -RATE // 20)


@pytest.mark.parametrize("name", GOOD)
def test_every_good_file_is_read_as_it_is(name: str, tmp_path: Path) -> None:
    good = GOOD[name]
    path = good.make(tmp_path)
    audio = decode(path)
    info = probe(path)

    assert (audio.sample_rate, audio.channels) == (good.rate, good.channels)
    assert (info.format, info.sample_rate, info.channels) == (good.format, good.rate, good.channels)
    assert info.duration_seconds == pytest.approx(audio.duration, abs=0.001)
    assert info.file_size_bytes == path.stat().st_size
    assert audio.samples.dtype == np.float32
    assert audio.samples.flags.c_contiguous
    if good.tolerance is None:
        # Codecs without a note of their own delay keep it, as every other player does.
        assert 0 <= audio.duration - 1 < 0.06
    else:
        expected = tone(1.0, good.rate, good.channels).T
        assert audio.samples.shape == expected.shape
        error = np.abs(audio.samples - expected)[:, INTERIOR]
        assert error.max() <= good.tolerance


@pytest.mark.parametrize("name", ["wav 16 bit", "flac 24 bit", "mp3", "m4a"])
def test_bytes_are_read_like_the_file_that_holds_them(name: str, tmp_path: Path) -> None:
    path = GOOD[name].make(tmp_path)
    data = path.read_bytes()
    np.testing.assert_array_equal(decode(data).samples, decode(path).samples)
    assert probe(data) == probe(path)


def test_the_media_type_is_that_of_the_content(tmp_path: Path) -> None:
    mimes = {name: probe(GOOD[name].make(tmp_path)).mime for name in ("wave64", "opus", "m4a", "webm opus", "mp3")}
    assert mimes == {
        "wave64": "audio/wav",
        "opus": "audio/ogg",
        "m4a": "audio/mp4",
        "webm opus": "audio/webm",
        "mp3": "audio/mpeg",
    }


def test_too_long_names_both_lengths(tmp_path: Path) -> None:
    with pytest.raises(FileTooLargeError, match=r"11:00 min.*10:00 min"):
        decode(hostile_audio.eleven_minutes(tmp_path))


@pytest.mark.parametrize("name", ["wav 16 bit", "mp3", "m4a", "flac from a pipe"])
def test_the_length_limit_holds_for_every_decoder(name: str, tmp_path: Path) -> None:
    path = GOOD[name].make(tmp_path)
    assert decode(path, DecodeLimits(max_seconds=1.0)).duration == 1.0
    for read in (decode, probe):
        with pytest.raises(FileTooLargeError, match=r"0\.9 s"):
            read(path, DecodeLimits(max_seconds=0.9))


def test_too_short_names_both_lengths(tmp_path: Path) -> None:
    with pytest.raises(AudioTooShortError, match=r"0\.2 s.*30 s"):
        decode(hostile_audio.short(tmp_path), DecodeLimits(min_seconds=30))


def test_too_many_bytes_are_not_opened(tmp_path: Path) -> None:
    path = GOOD["wav 16 bit"].make(tmp_path)
    for source in (path, path.read_bytes()):
        with pytest.raises(FileTooLargeError, match=r"0\.2 MB.*0\.1 MB"):
            decode(source, DecodeLimits(max_bytes=100_000))


def test_a_slow_decode_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(InvalidAudioError, match="too long"):
        decode(GOOD["wav 16 bit"].make(tmp_path), DecodeLimits(timeout_seconds=0.0))


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", str(tmp_path / "none" / "x.wav"), "a\0b.wav"):
        with pytest.raises(NotFoundError):
            decode(path)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    for path in (tmp_path, hostile_audio.pipe(tmp_path), Path(os.devnull)):
        with pytest.raises(InvalidAudioError, match="not an audio file"):
            decode(path)


def test_a_closed_file_says_that_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = GOOD["wav 16 bit"].make(tmp_path)

    # The tests may run as root, whom no permission bits stop.
    def denied(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(InvalidAudioError, match="permission denied") as caught:
        decode(path)
    assert caught.value.suggestions


def test_control_characters_of_a_name_do_not_reach_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        decode(tmp_path / "\x1b[31m\nnone.wav")
    assert "\x1b" not in caught.value.message and "\n" not in caught.value.message


def test_samples_over_full_scale_are_kept(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hot.wav", 3 * tone(), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(decode(tmp_path / "hot.wav").samples, (3 * tone()).T)


def test_every_refusal_names_a_remedy(tmp_path: Path) -> None:
    for limits in (DecodeLimits(max_seconds=0.1), DecodeLimits(min_seconds=9), DecodeLimits(max_channels=1)):
        with pytest.raises(InputError) as caught:
            decode(GOOD["wav 16 bit"].make(tmp_path), limits)
        assert caught.value.suggestions
