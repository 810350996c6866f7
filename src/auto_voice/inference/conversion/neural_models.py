"""The networks of the neural converter, leased from the runtime."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from auto_voice.errors import ModelLoadError
from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.models.networks.style_decoder import StyleDecoder

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

DECODER = ("kokoro-82m", "decoder.safetensors")
MAPPER_FILE = "content_mapper.safetensors"


class NeuralModels:
    """Lends the networks; makes nothing until one is asked for. Thread-safe."""

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    @contextmanager
    def mapper(self) -> Iterator[ContentMapper]:
        """From what Whisper hears to the decoder's content; on the CPU, where its milliseconds are cheapest."""
        with self._runtime.lease("neural/mapper", lambda _: _load_mapper()) as mapper:
            yield mapper

    @contextmanager
    def decoder(self) -> Iterator[StyleDecoder]:
        """The decoder, on the device of the runtime's current attempt; nobody may change its parameters."""
        with self._runtime.lease("neural/decoder", self._load_decoder) as decoder:
            yield decoder

    def _load_decoder(self, device: str) -> StyleDecoder:
        model, file = DECODER
        try:
            return StyleDecoder.from_file(self._runtime.model_file(model, file)).to(device)
        except ValueError as error:
            raise ModelLoadError(
                f"model {model!r} cannot be read: {error}", suggestions=[f"autovoice models fetch {model} --force"]
            ) from error


def weights_file(name: str) -> Path:
    """A file of the weights that come with the package."""
    return Path(str(resources.files("auto_voice.models") / "weights" / name))


def _load_mapper() -> ContentMapper:
    try:
        return ContentMapper.from_file(weights_file(MAPPER_FILE))
    except ValueError as error:
        remedy = "Install AutoVoice again: its own weights are damaged."
        raise ModelLoadError(str(error), suggestions=[remedy]) from error
