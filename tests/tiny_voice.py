"""The neural converter's networks, tiny, and a voice of them: everything that fitting a voice needs, in a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from auto_voice.audio import Audio
from auto_voice.features import ContentFeatures, PitchContour
from auto_voice.inference.conversion.decoder_input import DecoderInput
from auto_voice.inference.conversion.decoder_voice import DecoderVoice, decode, join_film
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.models.networks.ge2e import GE2E
from auto_voice.models.networks.style_decoder import SAMPLE_RATE, DecoderShape, StyleDecoder
from auto_voice.models.networks.voice_prior import PriorShape, VoicePrior

SHAPE = DecoderShape(content=6, style=4, hidden=8, skip=3, generator=16)
DIMENSIONS = 4
MEDIAN_HZ = 200.0


def tiny_decoder() -> StyleDecoder:
    """Random, and always the same."""
    torch.manual_seed(1)
    return StyleDecoder(SHAPE).eval().requires_grad_(False)


def some_voice(decoder: StyleDecoder, seed: int = 0) -> DecoderVoice:
    """A voice of the decoder, at a distance from its own."""
    random = np.random.default_rng(seed)
    film = join_film(decoder).numpy()
    return DecoderVoice(
        style=random.normal(size=SHAPE.style).astype(np.float32),
        film=film + 0.3 * random.normal(size=film.size).astype(np.float32),
    )


def something_said(frames: int, energy: float = 5.0) -> DecoderInput:
    """A second of one sound, a second of another, all of it voiced."""
    random = np.random.default_rng(2)
    sounds = random.normal(size=(SHAPE.content, frames // 40 + 1)).astype(np.float32)
    return DecoderInput(
        content=np.repeat(sounds, 40, axis=1)[:, :frames],
        f0=np.full(2 * frames, MEDIAN_HZ, np.float32),
        energy=np.full(2 * frames, energy, np.float32),
        gain=1.0,
    )


def recorded(decoder: StyleDecoder, voice: DecoderVoice, given: DecoderInput) -> np.ndarray:
    """What the voice makes of it, (samples,)."""
    return decode(decoder, voice, given.tensors(0, given.frames))


def recording_of(seconds: float) -> tuple[Audio, PitchContour, ContentFeatures]:
    """A voice in a real recording's place, its melody and its content."""
    clock = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * MEDIAN_HZ * k * clock) / k for k in range(1, 20))
    f0 = np.full(int(seconds * 100), MEDIAN_HZ, np.float32)
    random = np.random.default_rng(3)
    frames = random.normal(size=(1, int(seconds * 50), DIMENSIONS)).astype(np.float16)
    return (
        Audio((0.1 * tone * (1.2 + np.sin(9 * clock)))[None].astype(np.float32), SAMPLE_RATE),
        PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=0.01),
        ContentFeatures(frames=frames, hop_seconds=0.02, model="tiny"),
    )


class TinyModels:
    """Lends as NeuralModels does."""

    weights = "tiny"

    def __init__(self) -> None:
        self.tiny_decoder = tiny_decoder()
        shape = MapperShape(features=DIMENSIONS, content=SHAPE.content, phones=3, width=8, dilations=(1,))
        self.tiny_mapper = ContentMapper(shape).eval().requires_grad_(False)
        self.tiny_listener = GE2E().eval()
        film = len(join_film(self.tiny_decoder))
        self.tiny_prior = VoicePrior(PriorShape(style=SHAPE.style, film=film, rank=2)).eval().requires_grad_(False)

    @contextmanager
    def mapper(self) -> Iterator[ContentMapper]:
        yield self.tiny_mapper

    @contextmanager
    def decoder(self) -> Iterator[StyleDecoder]:
        yield self.tiny_decoder

    @contextmanager
    def prior(self) -> Iterator[VoicePrior]:
        yield self.tiny_prior

    @contextmanager
    def listener(self) -> Iterator[GE2E]:
        yield self.tiny_listener
