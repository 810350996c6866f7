"""What an adaptation is fitted to, what it is judged by, and when it is kept. Networks and judge are simple ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, ConversionFailedError, LowQualityAudioError
from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion import AdaptiveConverter, retrieval
from auto_voice.inference.conversion.adaptation import AdaptedVoice, Adapter, Speak
from auto_voice.inference.conversion.adaptive import VoiceScores
from auto_voice.inference.conversion.fitting.fit import FittingPlan
from auto_voice.inference.conversion.neural import ADAPTED, NeuralConverter, decoder_voice, voice_arrays
from auto_voice.models.runtime import ModelRuntime
from simple_engines import SpectralPeakPitch
from tiny_voice import MEDIAN_HZ, TinyModels, recording_of, some_voice, something_said

PLAIN, BETTER, WORSE = VoiceScores(similarity=0.7, naturalness=4.0), (0.8, 3.5), (0.8, 2.5)


@dataclass
class Judge:
    """Gives the first voice PLAIN, the second what it is told; keeps what it was shown."""

    second: VoiceScores
    heard: list[Audio] = field(default_factory=list)
    targets: list[Audio] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)

    def __call__(self, speak: Speak, target: Audio, median_hz: float) -> VoiceScores:
        said = something_said(20)
        self.heard.append(speak(said.content, said.f0, said.energy))
        self.targets.append(target)
        self.medians.append(median_hz)
        return PLAIN if len(self.heard) == 1 else self.second


@pytest.fixture
def judge() -> Judge:
    return Judge(VoiceScores(similarity=BETTER[0], naturalness=BETTER[1]))


@dataclass
class Embed:
    heard: list[Audio] = field(default_factory=list)

    def __call__(self, audio: Audio) -> np.ndarray:
        self.heard.append(audio)
        return np.full(256, 1 / 16, np.float32)


@pytest.fixture
def embed() -> Embed:
    return Embed()


@pytest.fixture
def adapter(runtime: ModelRuntime, models: TinyModels, embed: Embed, judge: Judge) -> Adapter:
    return Adapter(runtime=runtime, models=models, embed=embed, judge=judge, plan=FittingPlan(steps=2))  # type: ignore[arg-type]


def adapt(
    adapter: Adapter, models: TinyModels, seconds: float, likeness: float = 1.0, progress: Progress = no_progress
) -> AdaptedVoice:
    return adapter.adapt(*recording_of(seconds), some_voice(models.tiny_decoder), likeness, progress)


def test_the_end_of_a_long_recording_is_kept_for_the_judge(
    adapter: Adapter, models: TinyModels, embed: Embed, judge: Judge
) -> None:
    adapted = adapt(adapter, models, 40.0)

    assert embed.heard[0].duration == pytest.approx(32, abs=0.1)
    assert [target.duration for target in judge.targets] == pytest.approx([8, 8], abs=0.1)
    assert judge.medians == pytest.approx([MEDIAN_HZ] * 2)
    assert (adapted.before, adapted.steps) == (PLAIN, 2)
    assert adapted.seconds > 0


def test_a_short_recording_is_fitted_to_and_judged_by_as_a_whole(
    adapter: Adapter, models: TinyModels, embed: Embed, judge: Judge
) -> None:
    adapt(adapter, models, 10.0)
    assert [audio.duration for audio in (*embed.heard, *judge.targets)] == pytest.approx([10] * 3, abs=0.1)


def test_the_fitted_voice_is_judged_as_it_will_be_used(adapter: Adapter, models: TinyModels, judge: Judge) -> None:
    adapt(adapter, models, 10.0, likeness=0.0)
    adapt(adapter, models, 10.0, likeness=1.0)
    plain, unused, _, used = (audio.samples for audio in judge.heard)
    np.testing.assert_array_equal(unused, plain)
    assert np.abs(used - plain).max() > 1e-3


def test_the_shared_networks_stay_as_they_are(adapter: Adapter, models: TinyModels) -> None:
    before = {name: each.clone() for name, each in models.tiny_decoder.state_dict().items()}
    adapt(adapter, models, 10.0)
    assert all(each.equal(before[name]) for name, each in models.tiny_decoder.state_dict().items())
    assert not models.tiny_listener.training
    assert all(each.grad is None for each in models.tiny_listener.parameters())


def test_progress_never_falls_and_cancels(adapter: Adapter, models: TinyModels) -> None:
    seen: list[float] = []
    adapt(adapter, models, 10.0, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    def cancel(fraction: float) -> None:
        if fraction > 0.5:
            raise CancelledError("not wanted any more")

    with pytest.raises(CancelledError):
        adapt(adapter, models, 10.0, progress=cancel)


def test_a_recording_without_voice_is_refused(adapter: Adapter, models: TinyModels) -> None:
    recording, contour, content = recording_of(10.0)
    silent = Audio(np.zeros_like(recording.samples), recording.sample_rate)
    unvoiced = type(contour)(f0=0 * contour.f0, confidence=contour.confidence, hop_seconds=contour.hop_seconds)
    with pytest.raises(LowQualityAudioError, match="no voice"):
        adapter.adapt(silent, unvoiced, content, some_voice(models.tiny_decoder), 1.0, no_progress)


def test_a_recording_of_a_moment_is_refused(adapter: Adapter, models: TinyModels) -> None:
    with pytest.raises(LowQualityAudioError, match=r"1\.2 s"):
        adapt(adapter, models, 1.0)


@pytest.fixture
def converter(runtime: ModelRuntime, embed: Embed, adapter: Adapter) -> NeuralConverter:
    return NeuralConverter(runtime, TinyModels(), SpectralPeakPitch(), embed, adapter, likeness=0.5)  # type: ignore[arg-type]


def test_only_converters_that_can_be_fitted_say_so(
    converter: NeuralConverter, settings: Settings, runtime: ModelRuntime
) -> None:
    assert isinstance(converter, AdaptiveConverter)
    assert not isinstance(retrieval(settings, runtime), AdaptiveConverter)


def test_a_better_voice_is_kept_beside_the_one_it_came_from(converter: NeuralConverter, models: TinyModels) -> None:
    start = some_voice(models.tiny_decoder)
    learnt = {**voice_arrays(start), "filter.f0": np.zeros(3, np.float32)}
    made = converter.adapt(*recording_of(10.0), learnt)

    assert made.kept
    assert set(made.state) == {*learnt, f"{ADAPTED}style", f"{ADAPTED}film"}
    assert sum(each.nbytes for name, each in made.state.items() if name.startswith(ADAPTED)) == 2 * (
        start.style.size + start.film.size
    )
    halfway, whole = (decoder_voice(made.state, likeness).film for likeness in (0.5, 1.0))
    np.testing.assert_allclose(halfway - start.film, (whole - start.film) / 2, atol=2e-3)


def test_a_voice_that_loses_more_than_it_gains_is_not_kept(
    converter: NeuralConverter, models: TinyModels, judge: Judge
) -> None:
    judge.second = VoiceScores(similarity=WORSE[0], naturalness=WORSE[1])
    learnt = voice_arrays(some_voice(models.tiny_decoder))
    earlier = voice_arrays(some_voice(models.tiny_decoder, seed=5), ADAPTED)
    made = converter.adapt(*recording_of(10.0), {**learnt, **earlier})

    assert not made.kept
    assert (made.before, made.after) == (PLAIN, judge.second)
    assert set(made.state) == set(learnt)


def test_another_converters_voice_is_refused(converter: NeuralConverter) -> None:
    with pytest.raises(ConversionFailedError, match="another converter"):
        converter.adapt(*recording_of(10.0), {"gain": np.ones(1, np.float32)})
