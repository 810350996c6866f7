"""The embedding of a voice."""

from __future__ import annotations

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import AudioTooShortError, InvalidAudioError, LowQualityAudioError, ModelLoadError
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.speaker import SpeakerEncoder, similarity

RATE = 16_000


def voice(seconds: float, pitch_hz: float = 150.0, rate: int = RATE) -> Audio:
    """A buzz through two formants, loud and soft five times a second: enough like a voice to be embedded."""
    time = np.arange(int(seconds * rate)) / rate
    harmonics = np.arange(1, 20)[:, None] * pitch_hz
    gains = sum(1 / (1 + ((harmonics - formant) / 150) ** 2) for formant in (600, 1700))
    wave = (gains * np.sin(2 * np.pi * harmonics * time)).sum(axis=0) * (1.1 + np.sin(2 * np.pi * 5 * time))
    return Audio((0.05 * wave)[None].astype(np.float32), rate)


@pytest.mark.models
def test_an_embedding_is_a_point_on_the_unit_sphere(runtime: ModelRuntime) -> None:
    embedding = SpeakerEncoder(runtime).embed(voice(3))
    assert embedding.dtype == np.float32
    assert embedding.shape == (256,)
    assert np.linalg.norm(embedding) == pytest.approx(1)
    assert embedding.min() >= 0


@pytest.mark.models
def test_the_same_sound_in_another_form_is_the_same_voice(runtime: ModelRuntime) -> None:
    encoder = SpeakerEncoder(runtime)
    plain = voice(4)
    stereo = Audio(np.repeat(voice(4, rate=44_100).samples, 2, axis=0), 44_100)
    pause = np.zeros((1, 5 * RATE), dtype=np.float32)
    rests = Audio(np.concatenate([pause, plain.samples, pause, pause], axis=1), RATE)
    expected = encoder.embed(plain)
    assert similarity(expected, expected) == pytest.approx(1)
    assert similarity(expected, encoder.embed(stereo)) > 0.98
    assert similarity(expected, encoder.embed(rests)) > 0.98


@pytest.mark.models
def test_a_long_recording_has_the_voice_of_its_parts(runtime: ModelRuntime) -> None:
    encoder = SpeakerEncoder(runtime)
    long = Audio(np.tile(voice(10).samples, 30), RATE)
    assert similarity(encoder.embed(long), encoder.embed(voice(10))) > 0.99


@pytest.mark.models
def test_halves_of_one_steady_sound_are_alike(runtime: ModelRuntime) -> None:
    assert SpeakerEncoder(runtime).split_half_similarity(voice(8)) > 0.98


@pytest.mark.models
def test_threads_are_as_many_as_before(runtime: ModelRuntime) -> None:
    import torch

    before = torch.get_num_threads()
    SpeakerEncoder(runtime).embed(voice(2))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("recording", "error"),
    [
        (voice(0.5), AudioTooShortError),
        (Audio(np.zeros((1, 0), dtype=np.float32), RATE), AudioTooShortError),
        (Audio(np.zeros((2, 5 * RATE), dtype=np.float32), RATE), LowQualityAudioError),
        (Audio(np.full((1, 5 * RATE), np.nan, dtype=np.float32), RATE), InvalidAudioError),
    ],
    ids=["too short", "empty", "silent", "NaN"],
)
def test_what_holds_no_voice_says_why(recording: Audio, error: type[Exception], runtime: ModelRuntime) -> None:
    with pytest.raises(error):
        SpeakerEncoder(runtime).embed(recording)


def test_a_recording_too_short_to_halve_has_no_ceiling(runtime: ModelRuntime) -> None:
    with pytest.raises(AudioTooShortError, match="half"):
        SpeakerEncoder(runtime).split_half_similarity(voice(2))


def test_without_weights_the_remedy_is_named(runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(model_id: str, file_name: str) -> None:
        raise ModelLoadError(f"{model_id} is not installed", suggestions=[f"autovoice models fetch {model_id}"])

    monkeypatch.setattr(runtime, "model_file", missing)
    with pytest.raises(ModelLoadError) as raised:
        SpeakerEncoder(runtime).embed(voice(2))
    assert raised.value.suggestions == ["autovoice models fetch ge2e"]
