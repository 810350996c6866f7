"""Strange songs through the real engines: kept in their form where they can be converted, else refused for a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio, decode, resample, true_peak, write
from auto_voice.config import load_settings
from auto_voice.errors import LowQualityAudioError
from auto_voice.inference.pipeline.job import NO_VOCALS
from auto_voice.inference.separation.spleeter import SpleeterSeparator
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.models.runtime import ModelRuntime
from auto_voice.storage.paths import Paths
from doors import House
from simple_engines import RATE, make_profile, song, voice, wav

SECONDS = 3.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def convert(data: Path) -> Iterator[Callable[[Audio], Audio]]:
    """Converts with our own engines, into a low voice of 12 s; all songs share the models, and the voice as learnt.

    Scores are not asked for: they have tests of their own, and take longest.
    """
    models = str(load_settings().storage.models_dir)
    folders = {"AUTOVOICE__STORAGE__DATA_DIR": str(data), "AUTOVOICE__STORAGE__MODELS_DIR": models}
    settings = load_settings(environment=folders)
    runtime = ModelRuntime(settings, "cpu")
    pipeline = SingingConversionPipeline(settings, runtime=runtime, separator=SpleeterSeparator(runtime))
    pipeline._score = lambda *given: {}  # type: ignore[method-assign]
    profile_id = make_profile(settings).profile_id
    write(Paths(settings).profile_reference(profile_id), Audio(voice(12.0, 105)[None], RATE))

    def work(original: Audio) -> Audio:
        result = pipeline.convert_song(wav(original), profile_id, return_stems=True)
        assert result.warnings == []
        vocals = result.stems.vocals.samples
        assert np.sqrt(np.square(vocals).mean(axis=1)).min() > 0.005, "a channel lost its voice"
        return result.mixed_audio

    yield work
    runtime.close()


def at(rate: int, channels: int) -> Audio:
    """The sung song at another rate, its two channels repeated or left out, and cut at an odd sample."""
    other = resample(song(SECONDS), rate)
    return Audio(np.ascontiguousarray(np.resize(other.samples, (channels, other.frames))[:, :-13]), rate)


def clipped() -> Audio:
    return Audio((50 * at(44100, 2).samples).clip(-1, 1), 44100)


def out_of_phase() -> Audio:
    """One voice, with the polarity of the right side turned: silence in the mean of the channels."""
    sung = voice(SECONDS)
    return Audio(np.stack([sung, -sung]), RATE)


def off_centre() -> Audio:
    return Audio(at(44100, 2).samples + np.float32(0.3), 44100)


@pytest.mark.models
@pytest.mark.parametrize(
    "original",
    [
        pytest.param(lambda: at(8000, 1), id="8 kHz mono"),
        pytest.param(lambda: at(192_000, 2), id="192 kHz"),
        pytest.param(lambda: at(48_000, 6), id="5.1"),
        pytest.param(clipped, id="fully clipped"),
        pytest.param(out_of_phase, id="out of phase"),
        pytest.param(off_centre, id="constant offset"),
    ],
)
def test_rate_channels_and_length_are_kept_to_the_sample(
    convert: Callable[[Audio], Audio], original: Callable[[], Audio]
) -> None:
    before = original()
    after = convert(before)
    assert after.sample_rate == before.sample_rate
    assert after.samples.shape == before.samples.shape
    assert np.isfinite(after.samples).all()
    assert true_peak(after) <= -0.9
    assert not np.allclose(after.samples, before.samples, atol=0.01)


def hiss(rate: int, channels: int) -> Audio:
    noise = np.random.default_rng(0).standard_normal((channels, int(SECONDS * rate)))
    return Audio((0.1 * noise).astype(np.float32), rate)


@pytest.mark.models
@pytest.mark.parametrize(
    "original",
    [
        pytest.param(lambda: hiss(8000, 1), id="noise at 8 kHz"),
        pytest.param(lambda: hiss(44100, 2), id="noise"),
        pytest.param(lambda: Audio(hiss(48000, 2).samples.clip(-0.01, 0.01), 48000), id="clipped noise"),
        pytest.param(lambda: Audio(np.full((2, 3 * RATE), 0.5, np.float32), RATE), id="a constant"),
        pytest.param(lambda: Audio(hiss(44100, 2).samples * np.float32(1e-4), 44100), id="dither"),
    ],
)
def test_what_is_neither_voice_nor_music_is_refused(
    convert: Callable[[Audio], Audio], data: Path, original: Callable[[], Audio]
) -> None:
    with pytest.raises(LowQualityAudioError) as caught:
        convert(original())
    assert caught.value.http_status == 422
    assert not list(data.rglob(".tmp*"))


def test_an_instrumental_song_is_written_as_it_was_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch)
    (tmp_path / "band.wav").write_bytes(wav(song(sung=False)))
    result = house.run("convert", tmp_path / "band.wav", "--voice", "Ada", "-o", house.out / "x.flac", "--stems")
    assert result.exit_code == 0, result.output
    assert f"warning: band.wav: {NO_VOCALS}" in result.stderr
    np.testing.assert_allclose(decode(house.out / "x.flac").samples, song(sung=False).samples, atol=1e-4)
    assert len(list(house.out.iterdir())) == 3
