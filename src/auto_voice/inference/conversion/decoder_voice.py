"""A voice, as the neural decoder knows it: its style vector and what its normalisations add to every channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from auto_voice.audio import Samples
from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.decoder_input import DecoderInput, phrases
from auto_voice.models.networks.style_decoder import SAMPLE_RATE, SAMPLES_PER_FRAME, StyleDecoder

_FADE_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class DecoderVoice:
    """One voice of a StyleDecoder.

    Attributes:
        style: float32 (style,), the style vector.
        film: float32 (n,), the biases of all adaptive normalisations, in the order of their names.
    """

    style: NDArray[np.float32]
    film: NDArray[np.float32]

    def towards(self, other: DecoderVoice, share: float) -> DecoderVoice:
        """The voice that lies `share` (0–1) of the way to another."""
        return DecoderVoice(
            style=self.style + np.float32(share) * (other.style - self.style),
            film=self.film + np.float32(share) * (other.film - self.film),
        )

    def parameters(self, decoder: StyleDecoder, device: str) -> dict[str, Tensor]:
        """The decoder's parameters that this voice replaces.

        Raises:
            ValueError: the voice is of another decoder.
        """
        return split_film(decoder, torch.from_numpy(np.ascontiguousarray(self.film)).to(device))


def split_film(decoder: StyleDecoder, film: Tensor) -> dict[str, Tensor]:
    """A vector of all biases cut into the parameters they are, by name.

    Raises:
        ValueError: there are more or fewer than the decoder has.
    """
    biases = decoder.style_parameters()
    names = sorted(biases)
    sizes = [biases[name].numel() for name in names]
    if film.shape != (sum(sizes),):
        raise ValueError(f"a voice of {tuple(film.shape)} numbers; this decoder takes {sum(sizes)}")
    return dict(zip(names, torch.split(film, sizes), strict=True))


def join_film(decoder: StyleDecoder) -> Tensor:
    """The reverse of `split_film`, of the decoder's own biases; float32 (n,)."""
    biases: Mapping[str, nn.Parameter] = decoder.style_parameters()
    return torch.cat([biases[name].detach().flatten() for name in sorted(biases)])


def sing(
    decoder: StyleDecoder,
    voice: DecoderVoice,
    given: DecoderInput,
    device: str = "cpu",
    progress: Progress = no_progress,
) -> Samples:
    """Sing in a voice; the decoder itself is left as it is, so that several may share it.

    Returns:
        float32 (frames × 600,) at 24 kHz, at the level of the recording that was taken apart; zero in its pauses.
    """
    result = np.zeros(given.frames * SAMPLES_PER_FRAME, np.float32)
    ramp = np.linspace(0, 1, round(_FADE_SECONDS * SAMPLE_RATE), dtype=np.float32)
    found = phrases(given.energy)
    for index, (first, end) in enumerate(found):
        progress(index / len(found))
        sung = decode(decoder, voice, given.tensors(first, end, device), device) / given.gain
        sung[: len(ramp)] *= ramp
        sung[-len(ramp) :] *= ramp[::-1]
        result[first * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME] = sung
    progress(1.0)
    return result


def decode(
    decoder: StyleDecoder, voice: DecoderVoice, given: tuple[Tensor, Tensor, Tensor], device: str = "cpu"
) -> Samples:
    """All of content, F0 and energy (a batch of one, on the device) at once: float32 (frames × 600,)."""
    style = torch.from_numpy(np.ascontiguousarray(voice.style))[None].to(device)
    with torch.inference_mode():
        made: Tensor = functional_call(decoder, voice.parameters(decoder, device), (*given, style))
    return made[0].float().cpu().numpy()
