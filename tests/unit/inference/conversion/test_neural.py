"""A song through tiny networks: what comes out has the shape of what went in, whatever that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import CancelledError, ConversionFailedError
from auto_voice.features import ContentFeatures, PitchContour, Progress, VoiceState, no_progress
from auto_voice.inference.conversion import decoder_input
from auto_voice.inference.conversion.adaptation import Adapter
from auto_voice.inference.conversion.neural import ADAPTED, NeuralConverter, decoder_voice, voice_arrays
from auto_voice.inference.conversion.wording import Line, worded_content
from auto_voice.models.runtime import ModelRuntime
from tiny_voice import MEDIAN_HZ, TinyModels, recording_of, some_voice, something_said


class Tracker:
    """Hears what was asked for: tiny networks sing no melody."""

    def __init__(self, hertz: float = MEDIAN_HZ) -> None:
        self.hertz = hertz
        self.heard = 0

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        self.heard += 1
        f0 = np.full(int(vocals.duration * 100) + 1, self.hertz, np.float32)
        return PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=0.01)


@pytest.fixture
def tracker() -> Tracker:
    return Tracker()


def made(runtime: ModelRuntime, models: TinyModels, tracker: Tracker, **how: Any) -> NeuralConverter:
    def embed(recording: Audio) -> np.ndarray:
        return np.full(256, 1 / 16, np.float32)

    adapter = Adapter(runtime=runtime, models=models, embed=embed, judge=None, plan=None)  # type: ignore[arg-type]
    return NeuralConverter(runtime, models, tracker, embed, adapter, likeness=0.5, **how)  # type: ignore[arg-type]


@pytest.fixture
def converter(runtime: ModelRuntime, models: TinyModels, tracker: Tracker) -> NeuralConverter:
    return made(runtime, models, tracker)


@pytest.fixture
def voice(converter: NeuralConverter) -> VoiceState:
    return converter.learn(*recording_of(6.0))


def song(seconds: float = 3.0, rate: int = 24000, channels: int = 1) -> tuple[Audio, PitchContour, ContentFeatures]:
    _, contour, content = recording_of(seconds)
    clock = np.arange(int(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * MEDIAN_HZ * k * clock) / k for k in range(1, 16))
    samples = (0.1 * tone * (1.2 + np.sin(9 * clock))).astype(np.float32)
    return Audio(np.tile(samples, (channels, 1)), rate), contour, content


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (48000, 6), (192000, 1)])
def test_rate_channels_and_length_are_the_songs(
    converter: NeuralConverter, voice: VoiceState, rate: int, channels: int
) -> None:
    vocals, contour, content = song(1.5, rate, channels)
    converted = converter.convert(vocals, contour, content, voice)
    assert converted.samples.shape == vocals.samples.shape
    assert converted.sample_rate == rate
    assert np.isfinite(converted.samples).all()


def test_the_decoder_sings_where_it_is_trusted(
    runtime: ModelRuntime, models: TinyModels, voice: VoiceState, converter: NeuralConverter
) -> None:
    deaf = made(runtime, models, Tracker(hertz=0.0))  # hears no note, so that nothing sung is trusted
    one, other = (each.convert(*song(), voice).samples for each in (converter, deaf))
    assert np.abs(one - other).max() > 1e-3


def test_where_nothing_is_voiced_the_filter_serves_alone(
    converter: NeuralConverter, voice: VoiceState, tracker: Tracker
) -> None:
    vocals, contour, content = song()
    unvoiced = PitchContour(f0=np.zeros_like(contour.f0), confidence=contour.confidence, hop_seconds=0.01)
    assert converter.convert(vocals, unvoiced, content, voice).frames == vocals.frames
    assert not tracker.heard


def test_every_attempt_is_heard(runtime: ModelRuntime, models: TinyModels, voice: VoiceState) -> None:
    tracker = Tracker(hertz=MEDIAN_HZ * 1.01)
    made(runtime, models, tracker, attempts=3).convert(*song(), voice)
    assert tracker.heard == 3


@pytest.mark.parametrize("frames", [0, 1, 100, 700])
def test_next_to_nothing_comes_back_as_long_as_it_was(
    converter: NeuralConverter, voice: VoiceState, frames: int
) -> None:
    vocals, contour, content = song(0.5)
    short = Audio(vocals.samples[:, :frames], vocals.sample_rate)
    assert converter.convert(short, contour, content, voice).frames == frames


def test_a_conversion_can_be_cancelled(converter: NeuralConverter, voice: VoiceState) -> None:
    def stop(fraction: float) -> None:
        if fraction > 0.4:
            raise CancelledError

    with pytest.raises(CancelledError):
        converter.convert(*song(), voice, progress=stop)


def test_known_words_change_what_is_sung(
    runtime: ModelRuntime, models: TinyModels, tracker: Tracker, voice: VoiceState, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocals, contour, content = song()
    given: list[list[Line]] = []

    def hear(recording: Audio, progress: Progress) -> list[Line]:
        assert recording is vocals
        progress(1.0)
        return [some_line]

    def noted(features: np.ndarray, mapper: object, lines: list[Line]) -> np.ndarray:
        given.append(lines)
        return worded_content(features, mapper)  # type: ignore[arg-type]

    monkeypatch.setattr(decoder_input, "worded_content", noted)
    some_line = Line(start=0, end=1, tokens=np.zeros(2, np.int64), vectors=np.zeros((2, 512), np.float32), words=())
    made(runtime, models, tracker, hear_words=hear).convert(vocals, contour, content, voice)
    assert given == [[some_line]]


def test_a_voice_of_another_converter_is_refused(converter: NeuralConverter) -> None:
    with pytest.raises(ConversionFailedError):
        converter.convert(*song(), {"content": np.zeros(3, np.float32)})


def test_a_voice_fits_the_weights_and_the_content_it_was_learnt_with(
    converter: NeuralConverter, models: TinyModels, voice: VoiceState
) -> None:
    _, _, content = song()
    assert converter.fits(voice, content.model)
    assert not converter.fits(voice, "another content model")
    assert not converter.fits({name: each for name, each in voice.items() if name != "weights"}, content.model)
    models.weights = "those of the next release"
    assert not converter.fits(voice, content.model)


def test_an_adapted_voice_is_used_as_far_as_likeness_says(models: TinyModels, voice: VoiceState) -> None:
    start, fitted = decoder_voice(voice, 1.0), some_voice(models.tiny_decoder, seed=5)
    adapted = {**voice, **voice_arrays(fitted, ADAPTED)}
    np.testing.assert_allclose(decoder_voice(adapted, 0.0).film, start.film)
    np.testing.assert_allclose(decoder_voice(adapted, 0.25).film, 0.75 * start.film + 0.25 * fitted.film, atol=2e-3)
    np.testing.assert_allclose(decoder_voice(adapted, 1.0).style, fitted.style, atol=2e-3)


def test_a_voice_reads_what_the_first_half_gives_it(converter: NeuralConverter, voice: VoiceState) -> None:
    said = something_said(40)
    spoken = converter.speak(voice, said.content, said.f0, said.energy)
    assert (spoken.sample_rate, spoken.frames) == (24000, 24000)
