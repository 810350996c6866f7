"""Both pitch engines on voices of known pitch, and on what is no voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from auto_voice.audio import Audio, resample_samples
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, ModelLoadError
from auto_voice.inference.pitch import PitchExtractor
from auto_voice.models.runtime import ModelRuntime
from auto_voice.plugins import create
from sung_melody import cents_off, melody_hz, sing

RATE = 16000
NOTES = (43, 45, 52, 57, 60, 64, 69, 74, 79, 81)  # 98–880 Hz


@pytest.fixture(params=["swiftf0", pytest.param("fcpe", marks=pytest.mark.models)])
def engine(request: pytest.FixtureRequest, settings: Settings, runtime: ModelRuntime) -> PitchExtractor:
    return create("pitch", request.param, settings, runtime)


@pytest.fixture(scope="module")
def melody() -> np.ndarray:
    return melody_hz(NOTES, 0.6, RATE)


@pytest.mark.parametrize("noise", [0.003, 0.05])
def test_sung_notes_are_found_to_a_few_cents(engine: PitchExtractor, melody: np.ndarray, noise: float) -> None:
    contour = engine.extract(Audio(sing(melody, RATE, noise)[None], RATE))
    off = cents_off(contour, melody, RATE)
    assert 0.005 <= contour.hop_seconds <= 0.01
    assert len(contour.f0) == len(melody) // round(contour.hop_seconds * RATE) + 1
    assert contour.f0.dtype == contour.confidence.dtype == np.float32
    assert contour.voiced.mean() > 0.97
    assert np.median(off) < 4
    assert (off < 50).mean() > 0.99
    assert not (off > 600).any()


@pytest.mark.parametrize("rate", [8000, 48000])
def test_any_rate_and_stereo(engine: PitchExtractor, melody: np.ndarray, rate: int) -> None:
    part = melody[: 3 * RATE]
    voice = resample_samples(sing(part, RATE)[None], RATE, rate)
    contour = engine.extract(Audio(np.repeat(voice, 2, axis=0), rate))
    assert (cents_off(contour, part, RATE) < 50).mean() > 0.99
    assert contour.voiced.mean() > 0.97


def test_soft_singing_is_heard_like_loud(engine: PitchExtractor, melody: np.ndarray) -> None:
    part = melody[: 2 * RATE]
    contour = engine.extract(Audio(0.01 * sing(part, RATE)[None], RATE))
    assert contour.voiced.mean() > 0.97
    assert (cents_off(contour, part, RATE) < 50).mean() > 0.99


def test_a_pause_is_unvoiced(engine: PitchExtractor) -> None:
    note = sing(np.full(RATE, 220.0), RATE)
    contour = engine.extract(Audio(np.concatenate([note, np.zeros(RATE, np.float32), note])[None], RATE))
    seconds = np.arange(len(contour.f0)) * contour.hop_seconds
    assert not contour.voiced[(seconds > 1.05) & (seconds < 1.95)].any()
    assert contour.voiced[(seconds > 0.05) & (seconds < 0.95)].all()
    assert contour.voiced[(seconds > 2.05) & (seconds < 2.95)].all()


@pytest.mark.parametrize("kind", ["silence", "white noise", "soft noise", "empty", "a click"])
def test_what_is_no_voice_has_no_pitch(engine: PitchExtractor, kind: str) -> None:
    noise = np.random.default_rng(1).standard_normal(3 * RATE).astype(np.float32)
    samples = {
        "silence": np.zeros(3 * RATE, np.float32),
        "white noise": 0.1 * noise,
        "soft noise": 1e-4 * noise,
        "empty": np.zeros(0, np.float32),
        "a click": np.eye(1, 3 * RATE, RATE, dtype=np.float32)[0],
    }[kind]
    contour = engine.extract(Audio(samples[None], RATE))
    assert not contour.voiced.any()
    assert np.isfinite(contour.confidence).all()


def test_mains_hum_is_not_followed(engine: PitchExtractor) -> None:
    clock = np.arange(3 * RATE) / RATE
    hum = 0.02 * np.sin(2 * np.pi * 60 * clock) + 0.002 * np.random.default_rng(1).standard_normal(clock.size)
    note = np.where(clock > 2, sing(np.full(clock.size, 220.0), RATE), 0)
    contour = engine.extract(Audio((hum + note)[None].astype(np.float32), RATE))
    seconds = np.arange(len(contour.f0)) * contour.hop_seconds
    assert not contour.voiced[seconds < 1.9].any()
    assert contour.voiced[(seconds > 2.1) & (seconds < 2.9)].all()


def test_long_recordings_are_followed_in_pieces(engine: PitchExtractor) -> None:
    """A steady glide over 28 s: no seam where pieces meet, progress on the way, and it can be stopped."""
    glide = np.geomspace(110, 440, 28 * RATE)
    voice = Audio(sing(glide, RATE)[None], RATE)
    heard: list[float] = []
    contour = engine.extract(voice, heard.append)
    assert cents_off(contour, glide, RATE).max() < 25
    assert contour.voiced[20:-20].all()
    assert heard == sorted(heard)
    assert len(heard) > 1
    assert heard[-1] == 1.0

    def stop(fraction: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        engine.extract(voice, stop)


def test_weights_that_are_not_there_are_named(settings: Settings, tmp_path: Path) -> None:
    storage = settings.storage.model_copy(update={"models_dir": tmp_path})
    settings = settings.model_copy(update={"storage": storage})
    engine = create("pitch", "fcpe", settings, ModelRuntime(settings))
    with pytest.raises(ModelLoadError, match="fcpe"):
        engine.extract(Audio(np.ones((1, RATE), np.float32), RATE))


def test_broken_weights_are_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "fcpe").mkdir()
    save_file({"something": np.zeros(3, np.float32)}, tmp_path / "fcpe" / "fcpe.safetensors")
    storage = settings.storage.model_copy(update={"models_dir": tmp_path})
    settings = settings.model_copy(update={"storage": storage})
    engine = create("pitch", "fcpe", settings, ModelRuntime(settings))
    with pytest.raises(ModelLoadError, match="does not hold"):
        engine.extract(Audio(np.ones((1, RATE), np.float32), RATE))
