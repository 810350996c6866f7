"""The second speaker encoder, on a network that says what the mean spectrogram of a window is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from auto_voice.audio import Audio
from auto_voice.errors import AudioTooShortError, LowQualityAudioError, ModelLoadError
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.speaker import similarity
from auto_voice.utils.speaker_dvector import DVectorEncoder

RATE = 16_000


def hum(seconds: float, pitch_hz: float, level: float = 0.1) -> Audio:
    """A steady tone with overtones."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * pitch_hz * number * time) / number for number in range(1, 9))
    return Audio((level * wave)[None].astype(np.float32), RATE)


def joined(*parts: Audio) -> Audio:
    return Audio(np.concatenate([part.samples for part in parts], axis=1), RATE)


@pytest.fixture
def encoder(runtime: ModelRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DVectorEncoder:
    """One whose network takes any number of windows of 80 × 40 and gives their means over time."""
    windows = helper.make_tensor_value_info("mel_window", TensorProto.FLOAT, ["batch", 80, 40])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 40])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    mean = helper.make_node("ReduceMean", ["mel_window", "axes"], ["embedding"], keepdims=0)
    graph = helper.make_graph([mean], "tiny", [windows], [embedding], [axes])
    path = tmp_path / "tiny.network"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    monkeypatch.setattr(runtime, "model_file", lambda model_id, file_name: path)
    return DVectorEncoder(runtime)


def test_an_embedding_is_a_point_on_the_unit_sphere(encoder: DVectorEncoder) -> None:
    voice = encoder.embed(hum(3, 150))
    assert voice.dtype == np.float32
    assert np.linalg.norm(voice) == pytest.approx(1)


def test_loudness_is_no_part_of_a_voice(encoder: DVectorEncoder) -> None:
    loud, soft = (encoder.embed(hum(3, 150, level)) for level in (0.3, 0.003))
    assert similarity(loud, soft) == pytest.approx(1, abs=1e-4)
    assert similarity(loud, encoder.embed(hum(3, 240, 0.3))) < 0.99


def test_pauses_are_left_out(encoder: DVectorEncoder) -> None:
    pause = Audio(np.zeros((1, 3 * RATE), dtype=np.float32), RATE)
    voice = hum(4, 150)
    assert similarity(encoder.embed(voice), encoder.embed(joined(pause, voice, pause))) > 0.98


def test_more_windows_than_a_batch_are_all_heard(encoder: DVectorEncoder) -> None:
    assert similarity(encoder.embed(joined(hum(30, 150), hum(30, 240))), encoder.embed(hum(30, 150))) < 0.999


def test_halves_of_one_voice_are_alike_and_of_two_are_not(encoder: DVectorEncoder) -> None:
    assert encoder.split_half_similarity(hum(8, 150)) == pytest.approx(1, abs=1e-4)
    assert encoder.split_half_similarity(joined(hum(4, 150), hum(4, 240))) < 0.99


@pytest.mark.parametrize(
    ("recording", "error"),
    [(hum(0.5, 150), AudioTooShortError), (Audio(np.zeros((1, 5 * RATE), np.float32), RATE), LowQualityAudioError)],
    ids=["too short", "silent"],
)
def test_what_holds_no_voice_says_why(encoder: DVectorEncoder, recording: Audio, error: type[Exception]) -> None:
    with pytest.raises(error):
        encoder.embed(recording)


def test_the_shortest_voice_has_one_window_and_no_halves(encoder: DVectorEncoder) -> None:
    assert encoder.embed(hum(0.9, 150)).shape == (40,)
    with pytest.raises(AudioTooShortError, match="half"):
        encoder.split_half_similarity(hum(0.9, 150))


def test_without_weights_the_remedy_is_named(runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(model_id: str, file_name: str) -> None:
        raise ModelLoadError(f"{model_id} is not installed", suggestions=[f"autovoice models fetch {model_id}"])

    monkeypatch.setattr(runtime, "model_file", missing)
    with pytest.raises(ModelLoadError) as raised:
        DVectorEncoder(runtime).embed(hum(2, 150))
    assert raised.value.suggestions == ["autovoice models fetch voicefilter-dvector"]
