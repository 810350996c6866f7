"""What is written can be read again, whole or not at all, in every format that is offered."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auto_voice.audio import Audio, decode, encode, probe, write
from auto_voice.errors import InvalidParametersError, StorageError
from hostile_audio import RATE, tone

FORMATS = ["wav", "flac", "mp3", "ogg", "opus"]


def sound(seconds: float = 1.0, rate: int = RATE, channels: int = 2) -> Audio:
    return Audio(np.ascontiguousarray(tone(seconds, rate, channels).T), rate)


@pytest.mark.parametrize("name", FORMATS)
def test_a_written_file_is_what_its_suffix_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{name}"
    write(path, sound(1.0, 48000))
    info = probe(path)
    assert (info.format, info.sample_rate, info.channels) == (name, 48000, 2)
    back = decode(path).samples
    assert back.shape == (2, 48000)
    # Without the ends: codecs ring where a tone begins, and Opus loses the last 6.5 ms.
    assert np.abs(back - sound(1.0, 48000).samples)[:, 2400:-2400].max() < 0.05


@pytest.mark.parametrize(
    ("name", "depth", "step"),
    [("wav", "16", 2**-15), ("wav", "24", 2**-23), ("flac", "16", 2**-15), ("flac", "24", 2**-23)],
)
def test_rounding_is_to_the_nearest_step_and_happens_once(name: str, depth: str, step: float, tmp_path: Path) -> None:
    path = tmp_path / f"a.{name}"
    write(path, sound(), bit_depth=depth)  # type: ignore[arg-type]
    first = decode(path)
    assert np.abs(first.samples - sound().samples).max() <= step / 2 + 1e-9
    write(path, first, bit_depth=depth)  # type: ignore[arg-type]
    np.testing.assert_array_equal(decode(path).samples, first.samples)


def test_a_float_wav_keeps_every_bit_and_what_is_over_full_scale(tmp_path: Path) -> None:
    hot = Audio(sound().samples * np.float32(4), RATE)
    write(tmp_path / "a.wav", hot, bit_depth="float")
    np.testing.assert_array_equal(decode(tmp_path / "a.wav").samples, hot.samples)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_over_full_scale_is_clipped_and_does_not_wrap(name: str, tmp_path: Path) -> None:
    hot = Audio(np.full((1, 48000), 1.5, np.float32) * np.sign(np.sin(np.arange(48000) / 200)).astype("f4"), 48000)
    back = decode(encode(hot, name)).samples
    steady = np.abs(np.sin(np.arange(48000) / 200)) > 0.5
    assert (np.sign(back) == np.sign(hot.samples))[0, 2400:-2400][steady[2400:-2400]].all()


def test_dither_makes_the_error_independent_of_a_sound_below_one_step() -> None:
    quiet = Audio(np.full((1, RATE), 0.3 / 32768, np.float32), RATE)
    plain, dithered = (decode(encode(quiet, "wav", dither=dither)).samples for dither in (False, True))
    assert not plain.any()
    assert dithered.mean() * 32768 == pytest.approx(0.3, abs=0.02)
    assert encode(quiet, "wav", dither=True) == encode(quiet, "wav", dither=True)


@pytest.mark.parametrize("name", FORMATS)
def test_tags_are_written(name: str, tmp_path: Path) -> None:
    tags = {"title": "Lied für dich 音", "artist": "A. Voice", "comment": "converted"}
    write(tmp_path / f"a.{name}", sound(1.0, 48000), tags=tags)
    with soundfile.SoundFile(tmp_path / f"a.{name}") as file:
        assert {tag: getattr(file, tag) for tag in tags} == tags


def test_an_unknown_tag_lists_the_known_ones() -> None:
    with pytest.raises(InvalidParametersError, match="title, artist"):
        encode(sound(), "wav", tags={"colour": "blue"})


@pytest.mark.parametrize(("name", "low", "high"), [("mp3", 64, 256), ("ogg", 80, 256), ("opus", 32, 256)])
def test_the_bit_rate_decides_the_size(name: str, low: int, high: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, (2, 96000)).astype(np.float32)
    sizes = [len(encode(Audio(noise, 48000), name, bitrate_kbps=rate)) * 8 / 2 / 1000 for rate in (low, high)]
    # Vorbis takes a quality, and noise costs it more than music does.
    assert sizes == pytest.approx([low, high], rel=0.6 if name == "ogg" else 0.2)


def test_a_bit_rate_out_of_range_names_the_range() -> None:
    with pytest.raises(InvalidParametersError, match="32 to 320"):
        encode(sound(), "mp3", bitrate_kbps=999)
    with pytest.raises(InvalidParametersError, match="no bit rate"):
        encode(sound(), "flac", bitrate_kbps=128)


def test_a_bit_depth_that_the_format_has_not_is_refused() -> None:
    with pytest.raises(InvalidParametersError, match="16, 24"):
        encode(sound(), "flac", bit_depth="float")
    with pytest.raises(InvalidParametersError, match="no bit depth"):
        encode(sound(), "mp3", bit_depth="24")


def test_an_unknown_suffix_lists_the_choices(tmp_path: Path) -> None:
    for name in ("a.aac", "a"):
        with pytest.raises(InvalidParametersError, match="wav, flac, mp3, ogg, opus"):
            write(tmp_path / name, sound())
    assert not list(tmp_path.iterdir())


def test_surround_is_kept_where_the_format_can_and_refused_where_it_cannot() -> None:
    surround = sound(0.5, 48000, 6)
    for name in ("wav", "flac", "ogg", "opus"):
        assert decode(encode(surround, name)).channels == 6
    with pytest.raises(InvalidParametersError, match="at most 2 channels") as caught:
        encode(surround, "mp3")
    assert "wav, flac" in caught.value.suggestions[0]


@pytest.mark.parametrize(
    ("name", "rate", "written"),
    [
        ("mp3", 96000, 48000),
        ("mp3", 20000, 22050),
        ("mp3", 8000, 8000),
        ("opus", 44100, 48000),
        ("flac", 192_000, 192_000),
    ],
)
def test_rates_that_a_format_has_not_are_converted(name: str, rate: int, written: int) -> None:
    back = decode(encode(sound(1.0, rate, 1), name))
    assert back.sample_rate == written
    assert back.frames == written


def test_nothing_and_nonsense_are_not_written(tmp_path: Path) -> None:
    nonsense = sound()
    nonsense.samples[0, 70_000 % RATE] = np.nan
    for audio in (Audio(np.zeros((2, 0), np.float32), RATE), nonsense):
        with pytest.raises(InvalidParametersError):
            write(tmp_path / "a.wav", audio)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_the_old_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{name}"
    path.write_bytes(b"old")
    noise = Audio(np.random.default_rng(0).normal(0, 0.2, (2, 96000)).astype(np.float32), 48000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(StorageError):
            write(path, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        write(tmp_path / "none" / "a.wav", sound())
