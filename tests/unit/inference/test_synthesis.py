"""The synthesizer between the halves of its model, on a model small enough to make here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from auto_voice.config import Settings
from auto_voice.errors import InvalidParametersError, ModelLoadError, ProfileNotFoundError
from auto_voice.inference.speech.voices import VOICES, source_voice, voice_named
from auto_voice.inference.synthesis import KokoroSynthesizer, Prosody, vocabulary
from auto_voice.models.kokoro_graph import CONTENT, ENERGY, F0, STYLE, cut
from auto_voice.models.runtime import ModelRuntime


def small_kokoro(path: Path) -> None:
    """A graph with Kokoro's names: content is the tokens, F0 the speed, and the sound is what the halves were given."""
    floats = TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["tokens"], ["wide"], to=floats),
        helper.make_node("Unsqueeze", ["wide", "one"], ["row"]),
        helper.make_node("Expand", ["row", "many"], [CONTENT]),
        helper.make_node("Concat", ["wide", "wide"], ["twice"], axis=1),
        helper.make_node("Mul", ["twice", "speed"], [F0]),
        helper.make_node("Identity", [F0], [ENERGY]),
        helper.make_node("ReduceMean", [CONTENT], ["mean"], keepdims=0),
        helper.make_node("ReduceMean", [STYLE], ["timbre"], keepdims=0),
        helper.make_node("Add", [F0, ENERGY], ["both"]),
        helper.make_node("Add", ["both", "mean"], ["most"]),
        helper.make_node("Add", ["most", "timbre"], ["all"]),
        helper.make_node("Reshape", ["all", "flat"], ["audio"]),
    ]
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info(STYLE, floats, [1, 256]),
        helper.make_tensor_value_info("speed", floats, [1]),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        helper.make_tensor("many", TensorProto.INT64, [3], [1, 512, 1]),
        helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", floats, ["m"])]
    graph = helper.make_graph(nodes, "small", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture
def kokoro(settings: Settings, tmp_path: Path) -> KokoroSynthesizer:
    """The engine on the small model, with two voices."""
    models = tmp_path / "models"
    folder, voices = models / "kokoro-82m", models / "kokoro-voices"
    folder.mkdir(parents=True)
    voices.mkdir()
    small_kokoro(folder / "model.onnx")
    cut(folder / "model.onnx", folder / "encoder.onnx", folder / "decoder.onnx")
    for name, value in (("af_heart", 1.0), ("am_adam", 3.0)):
        np.full((510, 1, 256), value, dtype="<f4").tofile(voices / f"{name}.bin")
    storage = settings.storage.model_copy(update={"models_dir": models})
    settings = settings.model_copy(update={"storage": storage})
    return KokoroSynthesizer(settings, ModelRuntime(settings, "cpu"))


def test_the_halves_together_are_the_whole(kokoro: KokoroSynthesizer, tmp_path: Path) -> None:
    import onnxruntime

    whole = onnxruntime.InferenceSession(
        str(tmp_path / "models/kokoro-82m/model.onnx"), providers=["CPUExecutionProvider"]
    )
    known = vocabulary()
    tokens = np.array([[0, *(known[sound] for sound in "hˈA"), 0]])
    style = np.ones((1, 256), np.float32)
    (expected,) = whole.run(None, {"tokens": tokens, "style": style, "speed": np.ones(1, np.float32)})

    prosody = kokoro.prosody("hˈA", "af_heart")
    np.testing.assert_allclose(kokoro.decode(prosody).mono(), expected, rtol=1e-6)


def test_another_graph_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    graph = helper.make_graph([], "other", [], [])
    onnx.save(helper.make_model(graph), other)
    with pytest.raises(ModelLoadError, match="not the Kokoro graph"):
        cut(other, tmp_path / "a.onnx", tmp_path / "b.onnx")
    other.write_bytes(b"not a graph")
    with pytest.raises(ModelLoadError, match="not an ONNX model"):
        cut(other, tmp_path / "a.onnx", tmp_path / "b.onnx")


def test_pitch_moves_the_f0_curve_alone(kokoro: KokoroSynthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Prosody] = []
    decode = kokoro.decode
    monkeypatch.setattr(kokoro, "decode", lambda prosody: (seen.append(prosody), decode(prosody))[1])
    kokoro.synthesize_sentence("hello there", "af_heart")
    kokoro.synthesize_sentence("hello there", "af_heart", pitch=12)

    np.testing.assert_allclose(seen[1].f0, 2 * seen[0].f0)
    np.testing.assert_array_equal(seen[1].content, seen[0].content)
    np.testing.assert_array_equal(seen[1].energy, seen[0].energy)


def test_speeds_beyond_the_models_own_are_reached_by_stretching(kokoro: KokoroSynthesizer) -> None:
    own, faster = (kokoro.synthesize_sentence("hello there", "af_heart", speed=speed) for speed in (1.2, 2.4))
    assert faster.frames == round(own.frames / 2)


def test_frames_read_at_new_places_keep_their_order() -> None:
    content = np.repeat(np.arange(5, dtype=np.float32), 4)[None].repeat(512, 0)
    curve = np.arange(40, dtype=np.float32)
    prosody = Prosody(content=content, f0=curve, energy=curve, style=np.zeros(256, np.float32))

    slow = prosody.rewarped(np.linspace(0, 20, 40, endpoint=False))
    assert slow.frames == 40 == len(slow.f0) / 2
    assert list(slow.content[0]) == list(np.repeat(np.arange(5), 8))
    assert np.all(np.diff(slow.f0) >= 0)


def test_silence_around_a_sentence_is_not_decoded() -> None:
    content = np.repeat(np.array([0, 1, 2, 3, 0], dtype=np.float32), [20, 4, 4, 4, 30])[None].repeat(512, 0)
    curve = np.arange(2 * content.shape[1], dtype=np.float32)
    cropped = Prosody(content=content, f0=curve, energy=curve, style=np.zeros(256, np.float32)).cropped(2, 3)

    assert list(cropped.content[0]) == [0, 0, *[1] * 4, *[2] * 4, *[3] * 4, 0, 0, 0]
    assert cropped.f0[0] == 36
    assert len(cropped.f0) == 2 * cropped.frames


def test_mixed_voices_are_the_mean_of_their_styles(kokoro: KokoroSynthesizer) -> None:
    assert kokoro.style("af_heart+am_adam", 10).mean() == pytest.approx(2.0)


def test_too_long_and_empty_sentences_are_refused(kokoro: KokoroSynthesizer) -> None:
    for sounds in ("a" * 509, "", "漢"):
        with pytest.raises(InvalidParametersError, match="the model takes 1 to 508"):
            kokoro.prosody(sounds, "af_heart")


def test_a_damaged_voice_file_is_named(kokoro: KokoroSynthesizer, tmp_path: Path) -> None:
    (tmp_path / "models/kokoro-voices/af_heart.bin").write_bytes(b"1234")
    with pytest.raises(ModelLoadError, match=r"af_heart\.bin is damaged"):
        kokoro.prosody("a", "af_heart")


def test_a_missing_model_says_how_to_install_it(settings: Settings, tmp_path: Path) -> None:
    storage = settings.storage.model_copy(update={"models_dir": tmp_path})
    settings = settings.model_copy(update={"storage": storage})
    with pytest.raises(ModelLoadError) as caught:
        KokoroSynthesizer(settings, ModelRuntime(settings, "cpu")).prosody("a", "af_heart")
    assert "autovoice models fetch kokoro-voices" in caught.value.suggestions


def test_all_54_voices_are_there() -> None:
    assert len(VOICES) == 54
    assert sum(voice.language.startswith("en") for voice in VOICES.values()) == 28
    assert voice_named("bm_lewis").british


@pytest.mark.parametrize(("name", "near"), [("af_hart", "af_heart"), ("Michael", "am_michael"), ("bf_ema", "bf_emma")])
def test_unknown_voices_get_the_nearest_name(name: str, near: str) -> None:
    with pytest.raises(ProfileNotFoundError, match=f"did you mean .*{near}"):
        voice_named(name)


@pytest.mark.parametrize(
    ("median", "name", "shift"), [(100, "am_michael", -0.5), (210, "af_heart", 2.6), (60, "am_michael", -4)]
)
def test_cloned_voices_are_spoken_by_one_of_their_register(median: float, name: str, shift: float) -> None:
    found, semitones = source_voice(median)
    assert found == name
    assert semitones == pytest.approx(shift, abs=0.1)
