"""Content is heard in windows, from a Whisper file as CTranslate2 writes it."""

import struct
from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, ModelLoadError
from auto_voice.inference.content import LAYERS, WhisperContent
from auto_voice.models.runtime import ModelRuntime

WIDTH = 64
RANDOM = np.random.default_rng(11)


def tiny_whisper(layers: int = 6, dtype: type = np.float32) -> bytes:
    """A CTranslate2 file of a Whisper encoder of width 64 with random weights."""
    shapes: dict[str, tuple[int, ...]] = {
        "encoder/conv1/weight": (WIDTH, 80, 3),
        "encoder/conv1/bias": (WIDTH,),
        "encoder/conv2/weight": (WIDTH, WIDTH, 3),
        "encoder/conv2/bias": (WIDTH,),
        "encoder/position_encodings/encodings": (1500, WIDTH),
        "encoder/layer_norm/gamma": (WIDTH,),
        "encoder/layer_norm/beta": (WIDTH,),
        "decoder/something/else": (3,),
    }
    for layer in range(layers):
        for part, rows, columns in (
            ("self_attention/linear_0", 3 * WIDTH, WIDTH),
            ("self_attention/linear_1", WIDTH, WIDTH),
            ("ffn/linear_0", 4 * WIDTH, WIDTH),
            ("ffn/linear_1", WIDTH, 4 * WIDTH),
        ):
            shapes[f"encoder/layer_{layer}/{part}/weight"] = (rows, columns)
            shapes[f"encoder/layer_{layer}/{part}/bias"] = (rows,)
        for norm in ("self_attention/layer_norm", "ffn/layer_norm"):
            shapes[f"encoder/layer_{layer}/{norm}/gamma"] = (WIDTH,)
            shapes[f"encoder/layer_{layer}/{norm}/beta"] = (WIDTH,)

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    kinds = {np.float32: 0, np.int8: 1, np.float16: 4}
    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(shapes))]
    for name, shape in shapes.items():
        data = (0.1 * RANDOM.normal(size=shape)).astype(dtype).tobytes()
        parts += [text(name), struct.pack(f"<B{len(shape)}I", len(shape), *shape)]
        parts += [struct.pack("<BI", kinds[dtype], len(data)), data]
    return b"".join(parts)


def content_with(model: bytes, settings: Settings, tmp_path: Path) -> WhisperContent:
    folder = tmp_path / "models" / "whisper-base"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(model)
    storage = settings.storage.model_copy(update={"models_dir": tmp_path / "models"})
    return WhisperContent(ModelRuntime(settings.model_copy(update={"storage": storage})))


@pytest.fixture
def content(settings: Settings, tmp_path: Path) -> WhisperContent:
    return content_with(tiny_whisper(), settings, tmp_path)


def noise(seconds: float, rate: int = 16000, channels: int = 1) -> Audio:
    return Audio(RANDOM.normal(0, 0.1, (channels, round(seconds * rate))).astype(np.float32), rate)


@pytest.mark.parametrize(
    ("seconds", "rate", "channels"),
    [(1.0, 16000, 1), (2.5, 44100, 2), (0.3, 8000, 1), (1.0, 192000, 6), (0.01, 16000, 1)],
)
def test_frames_cover_the_recording_every_20_ms(
    content: WhisperContent, seconds: float, rate: int, channels: int
) -> None:
    features = content.extract(noise(seconds, rate, channels))
    assert features.frames.shape == (len(LAYERS), max(1, int(np.ceil(seconds / 0.02 - 1e-6))), WIDTH)
    assert features.frames.dtype == np.float16 and np.isfinite(features.frames).all()
    assert features.hop_seconds == 0.02


def test_windows_of_a_long_recording_join_at_the_right_places(content: WhisperContent) -> None:
    recording = noise(70.0)
    seen: list[float] = []
    features = content.extract(recording, seen.append)
    assert features.frames.shape[1] == 3500
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) >= 3
    # The first frames are those of the first window heard alone.
    alone = content.extract(Audio(recording.samples[:, : 30 * 16000], 16000))
    np.testing.assert_allclose(features.frames[:, :1400], alone.frames[:, :1400], atol=2e-3)


@pytest.mark.parametrize("frames", [0, 1, 100])
def test_next_to_nothing_gives_one_frame(content: WhisperContent, frames: int) -> None:
    features = content.extract(Audio(np.zeros((1, frames), np.float32), 16000))
    assert features.frames.shape[1] == 1 and np.isfinite(features.frames).all()


def test_progress_cancels(content: WhisperContent) -> None:
    def cancel(fraction: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        content.extract(noise(1.0), cancel)


def test_half_precision_files_are_read_too(settings: Settings, tmp_path: Path) -> None:
    features = content_with(tiny_whisper(dtype=np.float16), settings, tmp_path).extract(noise(0.5))
    assert features.frames.shape == (3, 25, WIDTH)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (b"", "cannot be read"),
        (b"RIFF....WAVE and so on", "cannot be read"),
        (tiny_whisper()[:5000], "cannot be read"),
        (tiny_whisper(layers=2), "has 2 layers, not 6"),
        (tiny_whisper().replace(b"ffn/linear_0", b"ffn/linear_9", 1), "lacks"),
        (tiny_whisper().replace(b"WhisperSpec", b"MarianSpecX"), "not a CTranslate2 Whisper"),
    ],
    ids=["empty", "other file", "cut short", "too few layers", "weights missing", "another model"],
)
def test_files_that_are_no_whisper_are_refused_with_the_remedy(
    settings: Settings, tmp_path: Path, model: bytes, reason: str
) -> None:
    with pytest.raises(ModelLoadError, match=reason) as caught:
        content_with(model, settings, tmp_path).extract(noise(0.5))
    assert any("models fetch" in suggestion for suggestion in caught.value.suggestions)


def test_a_missing_model_says_how_to_get_it(settings: Settings, tmp_path: Path) -> None:
    storage = settings.storage.model_copy(update={"models_dir": tmp_path / "none"})
    with pytest.raises(ModelLoadError, match="not installed"):
        WhisperContent(ModelRuntime(settings.model_copy(update={"storage": storage}))).extract(noise(0.5))
