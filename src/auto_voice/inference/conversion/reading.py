"""Reading aloud in a voice of the neural decoder, from what Kokoro's first half has worked out of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples
from auto_voice.inference.conversion.decoder_input import DecoderInput
from auto_voice.inference.conversion.decoder_voice import DecoderVoice, decode
from auto_voice.models.networks.style_decoder import SAMPLE_RATE

if TYPE_CHECKING:
    from auto_voice.inference.conversion.neural_models import NeuralModels
    from auto_voice.models.runtime import ModelRuntime

Curve = NDArray[np.float32]


def read_aloud(
    runtime: ModelRuntime, models: NeuralModels, voice: DecoderVoice, content: Curve, f0: Curve, energy: Curve
) -> Audio:
    """Speak a sentence, at the level at which the decoder makes it.

    Args:
        runtime: where the decoder runs.
        models: lends the decoder.
        voice: that reads.
        content, f0, energy: (512, frames), (2 × frames,), (2 × frames,); see DecoderInput. F0 may be negative where
            unvoiced, as Kokoro's first half has it.
    """
    given = DecoderInput(content=content, f0=np.maximum(f0, 0.0), energy=energy, gain=1.0)

    def work(device: str, scale: float) -> Samples:  # noqa: ARG001 - a sentence cannot be made smaller
        with models.decoder() as decoder:
            return decode(decoder, voice, given.tensors(0, given.frames, device), device)

    return Audio(runtime.run(work, "speech synthesis")[None], SAMPLE_RATE)
