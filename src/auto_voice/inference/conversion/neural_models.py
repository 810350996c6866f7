"""The networks of the neural converter, leased from the runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from auto_voice.errors import ModelLoadError
from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.models.networks.decoder_update import DecoderUpdate
from auto_voice.models.networks.ge2e import GE2E
from auto_voice.models.networks.style_decoder import StyleDecoder, fast_kind
from auto_voice.models.networks.voice_prior import VoicePrior

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

T = TypeVar("T")

DECODER = ("kokoro-82m", "decoder.safetensors")
MAPPER_FILE = "content_mapper.safetensors"
UPDATE_FILE = "decoder_update.safetensors"


class NeuralModels:
    """Lends the networks; makes nothing until one is asked for. Thread-safe."""

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    @cached_property
    def weights(self) -> str:
        """Names the decoder's update, whose voices mean nothing to another."""
        return hashlib.sha256(weights_file(UPDATE_FILE).read_bytes()).hexdigest()

    @contextmanager
    def mapper(self) -> Iterator[ContentMapper]:
        """From what Whisper hears to the decoder's content; on the CPU, where its milliseconds are cheapest."""
        with self._runtime.lease("neural/mapper", lambda _: _load_mapper()) as mapper:
            yield mapper

    @contextmanager
    def decoder(self) -> Iterator[StyleDecoder]:
        """The decoder, fitted to real voices, where the runtime's current attempt runs; nobody may change it."""
        with self._runtime.lease("neural/decoder", self._load_decoder) as decoder:
            yield decoder

    @contextmanager
    def prior(self) -> Iterator[VoicePrior]:
        """From a speaker embedding to the voice that the decoder is to sing in; on the CPU."""
        with self._runtime.lease("neural/prior", lambda _: _load_update().prior) as prior:
            yield prior

    @contextmanager
    def listener(self) -> Iterator[GE2E]:
        """The speaker encoder, where the runtime's current attempt runs; nobody may change it."""
        with self._runtime.lease("ge2e", self._load_listener) as listener:
            yield listener

    def _load_listener(self, device: str) -> GE2E:
        return GE2E.load(self._runtime.model_file("ge2e", "ge2e.safetensors"), device)

    def _load_decoder(self, device: str) -> StyleDecoder:
        decoder = load_published_decoder(self._runtime)
        try:
            _load_update().change.add_to(decoder)
        except ValueError as error:
            raise ModelLoadError(f"the installed model {DECODER[0]!r} does not fit: {error}") from error
        return decoder.to(device).compute_in(self._kind(device))

    def _kind(self, device: str) -> torch.dtype:
        """Not float16 on a GPU: gradients as small as a voice's would be nothing in it."""
        if device.startswith("cuda"):
            return torch.bfloat16 if self._runtime.mixed_precision else torch.float32
        return fast_kind()


def load_published_decoder(runtime: ModelRuntime) -> StyleDecoder:
    """Kokoro's decoder as it was published, on the CPU.

    Raises:
        ModelLoadError: it is not installed, or what is installed is damaged.
    """
    model, file = DECODER
    try:
        return StyleDecoder.from_file(runtime.model_file(model, file))
    except ValueError as error:
        raise ModelLoadError(
            f"model {model!r} cannot be read: {error}", suggestions=[f"autovoice models fetch {model} --force"]
        ) from error


def weights_file(name: str) -> Path:
    """A file of the weights that come with the package."""
    return Path(str(resources.files("auto_voice.models") / "weights" / name))


def _load_mapper() -> ContentMapper:
    return _own(ContentMapper.from_file, MAPPER_FILE)


def _load_update() -> DecoderUpdate:
    return _own(DecoderUpdate.from_file, UPDATE_FILE)


def _own(read: Callable[[Path], T], name: str) -> T:
    try:
        return read(weights_file(name))
    except ValueError as error:
        remedy = "Install AutoVoice again: its own weights are damaged."
        raise ModelLoadError(str(error), suggestions=[remedy]) from error
