"""A synthesizer in two halves, a hearer and training clips that are small enough for a test."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from auto_voice.audio import Audio, resample_samples
from auto_voice.features import ContentFeatures, PitchContour, Progress, no_progress
from auto_voice.inference.synthesis import Prosody
from auto_voice.training.clips import Clip
from auto_voice.training.features import VARIANTS, feature_file
from auto_voice.training.generate import is_validation

LAYERS, WIDTH = 3, 8
SOUNDS = (0, 43, 44, 45, 46)
"""Tokens of the clips; 0 is silence."""


class TinyHalves:
    """Gives each token a vector of its own, and four frames; decodes to a tone at the F0 of each frame."""

    sample_rate = 24_000

    def __init__(self) -> None:
        self.lines = 0

    def prosody(self, sounds: str, voice: str, speed: float = 1.0) -> Prosody:
        tokens = ["<", *sounds, ">"]
        vectors = [token_vector(f"{token}{place}") for place, token in enumerate(tokens)]
        content = np.repeat(np.stack(vectors, axis=1), 4, axis=1)
        voiced = np.repeat([token.isalpha() for token in tokens], 8)
        f0 = np.where(voiced, 110 + zlib.crc32(voice.encode()) % 100, -3).astype(np.float32)
        energy = np.where(voiced, 2.0, -5.0).astype(np.float32)
        return Prosody(content=content, f0=f0, energy=energy, style=np.zeros(256, np.float32))

    def decode(self, prosody: Prosody) -> Audio:
        self.lines += 1
        f0 = np.repeat(prosody.f0, 300)
        return Audio((0.3 * np.sin(2 * np.pi * np.cumsum(f0) / self.sample_rate))[None].astype(np.float32), 24_000)


def token_vector(token: str) -> np.ndarray:
    """A random vector that is the same for the same token, (512,)."""
    return np.random.default_rng(zlib.crc32(token.encode())).normal(size=512).astype(np.float32)


class TinyContent:
    """Hears LAYERS × WIDTH random projections of the waveform, every 20 ms."""

    name = "tiny"

    def __init__(self) -> None:
        self.heard = 0

    def extract(self, speech: Audio, progress: Progress = no_progress) -> ContentFeatures:
        self.heard += 1
        samples = resample_samples(speech.mono(), speech.sample_rate, 16_000)
        frames = np.pad(samples, (0, -len(samples) % 320)).reshape(-1, 320)
        weights = np.random.default_rng(0).normal(size=(LAYERS, 320, WIDTH))
        return ContentFeatures(frames=(frames @ weights).astype(np.float16), hop_seconds=0.02, model=self.name)


class TinyPitch:
    """Hears 150 Hz everywhere."""

    name = "tiny"

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        f0 = np.full(round(vocals.duration * 100) + 1, 150, np.float32)
        return PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=0.01)


def tiny_clip(seed: int, tokens: int = 24, fit: float = 0.0) -> Clip:
    """A clip of random tokens, three to eight frames each; sung where the seed is odd."""
    random = np.random.default_rng(seed)
    chosen = random.choice(SOUNDS, tokens)
    durations = random.integers(3, 9, tokens)
    frames = int(durations.sum())
    f0 = np.full(2 * frames, 150, np.float32)
    return Clip(
        samples=(8000 * np.sin(2 * np.pi * 150 * np.arange(400 * frames) / 16_000)).astype(np.int16),
        tokens=chosen.astype(np.int16),
        durations=durations.astype(np.int16),
        vectors=np.stack([token_vector(str(token)) for token in chosen]).astype(np.float16),
        f0=f0,
        text="some words",
        voice="af_heart",
        sung=bool(seed % 2),
        fit=fit,
    )


def tiny_data(folder: Path, width: int, clips: int = 4) -> Path:
    """A folder of clips whose features tell the tokens apart; one clip to validate with. Later ones fit worse."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [number for number in range(100) if not is_validation(number)][: clips - 1]
    for number in [0, *numbers]:
        path = folder / f"clip-{number:05d}.npz"
        clip = tiny_clip(number, fit=-float(number))
        clip.save(path)
        seen = np.stack([token_vector(f"heard {token}")[:width] for token in clip.tokens])[clip.frame_tokens()]
        np.save(feature_file(path), np.stack([seen] * len(VARIANTS)).astype(np.float16))
    return folder
