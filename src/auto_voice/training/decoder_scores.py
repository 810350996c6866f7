"""How well the decoder speaks and sings in the voices of readers that it was not fitted to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auto_voice.audio import Audio
from auto_voice.errors import AudioTooShortError, LowQualityAudioError
from auto_voice.inference.conversion.decoder_input import curves
from auto_voice.inference.pitch import PitchExtractor
from auto_voice.models.networks.style_decoder import CONTENT_RATE, SAMPLE_RATE
from auto_voice.training.decoder_examples import DecoderExample
from auto_voice.utils.speaker import VoiceEncoder

Make = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Content, F0, energy and embedding, a batch of each, to samples at 24 kHz."""

BANDS = {"below 220 Hz": (0.0, 220.0), "220-440 Hz": (220.0, 440.0), "above 440 Hz": (440.0, 2000.0)}

CROSSED = "crossed"
"""Made in another reader's voice."""

_FRAMES = 3 * CONTENT_RATE
_CENTS = 50.0


@dataclass(frozen=True, kw_only=True)
class DecoderScores:
    """Means over the readers that validate.

    Attributes:
        sound: distance of the spectra from those of the reading.
        likeness: cosine of what is made to the reader whose voice it is to be in, by copy.
        in_tune: share of the voiced frames within 50 cents of what was asked for, by BANDS.
    """

    sound: float
    likeness: dict[str, float]
    in_tune: dict[str, float]


def crossed(examples: Sequence[DecoderExample]) -> list[DecoderExample]:
    """Each example with the voice of the one after it; there is nothing to compare its sound with."""
    voices = [*examples[1:], *examples[:1]]
    return [
        replace(example, embedding=voice.embedding, copy=CROSSED)
        for example, voice in zip(examples, voices, strict=True)
    ]


def score_decoder(
    make: Make,
    examples: Sequence[DecoderExample],
    distance: Callable[[Tensor, Tensor], Tensor],
    pitch: PitchExtractor,
    encoder: VoiceEncoder,
) -> DecoderScores:
    """Have the first seconds of every example made and listen to them."""
    sounds: list[float] = []
    likeness: dict[str, list[float]] = defaultdict(list)
    right: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
    for example in examples:
        parts = example.stretch(0, min(_FRAMES, example.frames))
        content, f0, energy, wanted, voice = (torch.from_numpy(part)[None] for part in parts)
        with torch.inference_mode():
            made = make(content, f0, energy, voice)
            if example.copy != CROSSED:
                sounds.append(float(distance(made, wanted)))
        audio = Audio(made.float().numpy(), SAMPLE_RATE)
        likeness[example.copy].append(_likeness(audio, example, encoder))
        measured, _, _ = curves(audio.mono(), pitch.extract(audio))
        for name, hits in _in_tune(measured, parts[1]).items():
            right[name].append(hits)
    return DecoderScores(
        sound=float(np.mean(sounds)),
        likeness={copy: float(np.mean(values)) for copy, values in likeness.items()},
        in_tune={name: float(np.concatenate(hits).mean()) for name, hits in right.items()},
    )


def _likeness(audio: Audio, example: DecoderExample, encoder: VoiceEncoder) -> float:
    try:
        return float(encoder.embed(audio) @ example.embedding)
    except (LowQualityAudioError, AudioTooShortError):  # silence is like nobody
        return 0.0


def _in_tune(measured: NDArray[np.float32], wanted: NDArray[np.float32]) -> dict[str, NDArray[np.bool_]]:
    """Of the frames that were to be voiced, which are, and in tune; by the band that was asked for."""
    with np.errstate(divide="ignore"):
        cents = np.abs(1200 * np.log2(measured / np.maximum(wanted, 1e-3)))
    bands = {name: (wanted > low) & (wanted <= high) for name, (low, high) in BANDS.items()}
    return {name: cents[here] < _CENTS for name, here in bands.items() if here.any()}
