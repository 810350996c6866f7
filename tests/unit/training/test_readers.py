"""Readings taken apart: at several pitches, kept in files, some readers kept apart to validate with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from auto_voice.audio import Audio, encode
from auto_voice.config import Settings
from auto_voice.errors import InvalidAudioError, InvalidParametersError
from auto_voice.features import ContentFeatures, PitchContour, Progress, no_progress
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.models.networks.style_decoder import SAMPLES_PER_FRAME
from auto_voice.training import readers
from auto_voice.training.decoder_examples import load_decoder_examples
from auto_voice.training.readers import COPIES, Analysis, Reading, prepare_readers, reading_files, readings_of

RATE, SECONDS, HERTZ = 16_000, 1.5, 200.0
FRAMES = int(SECONDS * 40)


class FlatPitch:
    """Hears one pitch all the time."""

    name = "flat"

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        f0 = np.full(int(vocals.duration * 100) + 1, HERTZ, np.float32)
        return PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=0.01)


class LoudContent:
    """Hears how loud it is, twice."""

    name = "loud"

    def extract(self, speech: Audio, progress: Progress = no_progress) -> ContentFeatures:
        hops = speech.mono()[: len(speech.mono()) // (speech.sample_rate // 50) * (speech.sample_rate // 50)]
        level = np.abs(hops.reshape(-1, speech.sample_rate // 50)).mean(axis=1)
        frames = np.repeat(level[None, :, None], 2, axis=0).astype(np.float16)
        return ContentFeatures(frames=frames, hop_seconds=0.02, model=self.name)


class OneVoice:
    """Hears one voice in everything."""

    name = "one"

    def embed(self, audio: Audio) -> NDArray[np.float32]:
        return np.full(256, 1 / 16, np.float32)

    def split_half_similarity(self, audio: Audio) -> float:
        return 1.0


ANALYSIS = Analysis(FlatPitch(), LoudContent(), OneVoice())


def a_recording(seconds: float = SECONDS) -> Audio:
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * HERTZ * harmonic * time) / harmonic for harmonic in range(1, 9))
    return Audio((0.1 * np.asarray(tone) * (1 + 0.5 * np.sin(6 * time)))[None].astype(np.float32), RATE)


@pytest.fixture(scope="module")
def readings() -> list[Reading]:
    return readings_of(a_recording(), "19", ANALYSIS, seed=0)


def pitch_of(samples: NDArray[np.float32]) -> float:
    """Of the strongest period between 50 and 1000 Hz, at 24 kHz."""
    middle = samples[12_000:18_000]
    alike = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    lags = np.arange(24, 480)
    return 24_000 / float(lags[np.argmax(alike[lags] * (1 - lags / len(middle)))])


def test_a_recording_is_heard_as_it_was_read_higher_much_higher_and_lower(readings: list[Reading]) -> None:
    assert tuple(reading.copy for reading in readings) == COPIES
    read, raised, high, lowered = (float(np.median(reading.f0[reading.f0 > 0])) for reading in readings)
    assert read == pytest.approx(HERTZ)
    assert 1.18 * HERTZ < raised <= high < 920 and high > 330
    assert HERTZ / 1.5 < lowered < HERTZ / 1.12


def test_each_copy_sounds_at_the_pitch_it_says(readings: list[Reading]) -> None:
    for reading in readings:
        heard = pitch_of(reading.samples.astype(np.float32))
        assert heard == pytest.approx(float(np.median(reading.f0)), rel=0.03), reading.copy


def test_all_parts_of_a_reading_last_equally_long(readings: list[Reading]) -> None:
    for reading in readings:
        assert reading.frames == FRAMES and reading.features.shape == (FRAMES, 2)
        assert reading.f0.shape == reading.energy.shape == (2 * FRAMES,)
        assert reading.samples.shape == (FRAMES * SAMPLES_PER_FRAME,)
        assert reading.reader == "19" and reading.embedding.shape == (256,)


def test_copies_are_the_same_each_time_and_others_for_another_reader(readings: list[Reading]) -> None:
    again, other = (readings_of(a_recording(), reader, ANALYSIS, seed=0) for reader in ("19", "26"))
    assert all(np.array_equal(mine.f0, theirs.f0) for mine, theirs in zip(readings, again, strict=True))
    assert not np.array_equal(readings[1].f0, other[1].f0)


def test_a_reading_comes_back_from_its_file(readings: list[Reading], tmp_path: Path) -> None:
    readings[1].save(tmp_path / "reading.npz")
    read = Reading.load(tmp_path / "reading.npz")
    for name in ("features", "samples", "f0", "energy", "embedding"):
        assert np.array_equal(getattr(read, name), getattr(readings[1], name))
    assert (read.gain, read.reader, read.copy) == (readings[1].gain, "19", "raised")


@pytest.mark.parametrize("content", [b"", b"no reading", b"PK\x03\x04" + bytes(30)])
def test_another_file_is_no_reading(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reading.npz").write_bytes(content)
    with pytest.raises(InvalidAudioError, match="is not a reading"):
        Reading.load(tmp_path / "reading.npz")


@pytest.fixture
def _stub_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_analysis", ANALYSIS)


@pytest.mark.usefixtures("_stub_analysis")
def test_every_readers_first_recording_is_taken_apart_once(tmp_path: Path, settings: Settings) -> None:
    for name in ("19-1.wav", "19-2.wav", "26-1.wav"):
        (tmp_path / name).write_bytes(encode(a_recording(0.5), "wav"))
    recordings = sorted(tmp_path.glob("*.wav"))
    assert prepare_readers(recordings, tmp_path, settings) == 2
    names = {path.name for path in tmp_path.glob("*.npz")}
    assert names == {f"reading-{reader}-{copy}.npz" for reader in ("19", "26") for copy in COPIES}
    assert prepare_readers(recordings, tmp_path, settings) == 0


def test_some_readers_are_kept_apart_with_all_their_copies(readings: list[Reading], tmp_path: Path) -> None:
    for number in range(40):
        for reading in readings[:2]:
            replace(reading, reader=str(number)).save(tmp_path / f"reading-{number}-{reading.copy}.npz")
    training, validation = reading_files(tmp_path)
    assert len(training) == 78 and len(validation) == 2
    assert {path.stem.split("-")[1] for path in training}.isdisjoint(path.stem.split("-")[1] for path in validation)


def test_too_few_readers_are_refused(readings: list[Reading], tmp_path: Path) -> None:
    readings[0].save(tmp_path / "reading-19-read.npz")
    with pytest.raises(InvalidParametersError, match="1 readers; too few"):
        reading_files(tmp_path)


def test_readings_become_examples_at_the_decoders_level(readings: list[Reading], tmp_path: Path) -> None:
    readings[0].save(tmp_path / "long.npz")
    mapper = ContentMapper(MapperShape(features=2, content=5, phones=3, width=8, dilations=(1,))).eval()
    (example,) = load_decoder_examples([tmp_path / "long.npz"], mapper, FRAMES)
    assert example.content.shape == (5, FRAMES) and example.frames == FRAMES
    samples = readings[0].samples.astype(np.float32) * readings[0].gain
    np.testing.assert_allclose(example.samples, samples, rtol=1e-2, atol=1e-4)
    assert load_decoder_examples([tmp_path / "long.npz"], mapper, FRAMES + 1) == []
