"""The pipeline's judgement on real material, with the real separator: who sings, who only plays, what is noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio, decode
from auto_voice.config import Settings
from auto_voice.errors import LowQualityAudioError
from auto_voice.inference.pipeline.job import NO_VOCALS
from auto_voice.inference.separation.spleeter import SpleeterSeparator
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.models.runtime import ModelRuntime
from simple_engines import LevelContent, TurningConverter, make_profile, wav

pytestmark = pytest.mark.models

BEGIN, SECONDS = 14, 10


@pytest.fixture
def converter() -> TurningConverter:
    return TurningConverter()


@pytest.fixture
def pipeline(settings: Settings, runtime: ModelRuntime, converter: TurningConverter) -> SingingConversionPipeline:
    """With the embedded separator, whatever else is installed."""
    return SingingConversionPipeline(
        settings,
        runtime=runtime,
        separator=SpleeterSeparator(runtime),
        content=LevelContent(),
        converter=converter,
    )


def excerpt(path: Path) -> Audio:
    whole = decode(path)
    rate = whole.sample_rate
    return Audio(np.ascontiguousarray(whole.samples[:, BEGIN * rate : (BEGIN + SECONDS) * rate]), rate)


@pytest.mark.real_audio
@pytest.mark.parametrize("song", ["potassium", "francium"])  # in these it is hardest to tell
def test_a_song_that_is_only_played_comes_back_unchanged(
    pipeline: SingingConversionPipeline, settings: Settings, real_data: Path, song: str
) -> None:
    played = excerpt(real_data / "songs" / song / "accompaniment.flac")
    result = pipeline.convert_song(wav(played), make_profile(settings).profile_id)
    assert result.warnings == [NO_VOCALS]
    np.testing.assert_array_equal(result.mixed_audio.samples, played.samples)


@pytest.mark.real_audio
@pytest.mark.parametrize("song", ["sodium", "potassium"])
def test_a_song_that_is_sung_is_converted(
    pipeline: SingingConversionPipeline,
    converter: TurningConverter,
    settings: Settings,
    real_data: Path,
    song: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "_score", lambda *given: {})  # has tests of its own, and takes longest
    sung = excerpt(real_data / "songs" / song / "mix.flac")
    result = pipeline.convert_song(wav(sung), make_profile(settings).profile_id)
    assert converter.calls == 1
    assert result.mixed_audio.samples.shape == sung.samples.shape
    assert result.metadata["separation_model"] == "spleeter"


@pytest.mark.parametrize("colour", ["white", "brown"])
def test_noise_is_refused(pipeline: SingingConversionPipeline, settings: Settings, colour: str) -> None:
    noise = np.random.default_rng(3).standard_normal((2, 6 * 44100))
    if colour == "brown":
        noise = np.cumsum(noise, axis=1) * 0.01
    with pytest.raises(LowQualityAudioError, match="noise"):
        pipeline.convert_song(
            wav(Audio((0.1 * noise).astype(np.float32).clip(-1, 1), 44100)), make_profile(settings).profile_id
        )
