"""FCPE, on our own definition of its network (`auto_voice.models.networks.fcpe`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from auto_voice.audio import Audio, Samples
from auto_voice.errors import ModelLoadError
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.pitch.framing import (
    SAMPLE_RATE,
    Floats,
    at_network_rate,
    frame_levels,
    in_pieces,
    network_gain,
)
from auto_voice.inference.pitch.tracking import Voicing, melody
from auto_voice.models.networks.fcpe import CONTEXT_FRAMES, FCPE, HOP

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

MODEL = "fcpe"
_VOICING = Voicing(onset=0.3, release=0.15)
_PIECE_SECONDS = 10.0
_SHORTEST = 1024


class FcpeExtractor:
    """Pitch every 10 ms. Thread-safe."""

    name = "fcpe"

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        """Follow the melody; see `PitchExtractor`."""
        samples = at_network_rate(vocals)
        gain = network_gain(samples)

        def work(device: str, scale: float) -> tuple[Floats, Floats]:
            piece_frames = round(_PIECE_SECONDS * scale * SAMPLE_RATE / HOP)
            with self._runtime.lease(MODEL, self._load) as network, torch.inference_mode():

                def find(piece: Samples) -> tuple[Floats, Floats]:
                    filled = np.pad(piece * gain, (0, max(_SHORTEST - piece.size, 0)))
                    pitch, confidence = network(torch.from_numpy(filled).to(device))
                    return pitch.cpu().numpy(), confidence.cpu().numpy()

                return in_pieces(samples, HOP, piece_frames, CONTEXT_FRAMES, find, progress)

        pitch, confidence = self._runtime.run(work, "pitch extraction")
        return melody(pitch, confidence, frame_levels(samples, HOP), HOP / SAMPLE_RATE, _VOICING)

    def _load(self, device: str) -> FCPE:
        try:
            return FCPE.load(self._runtime.model_file(MODEL, "fcpe.safetensors")).to(device)
        except ValueError as error:
            raise ModelLoadError(str(error), suggestions=[f"autovoice models fetch {MODEL}"]) from error


def create(settings: Settings, runtime: ModelRuntime) -> FcpeExtractor:
    """Factory of the pitch extractor `fcpe`."""
    del settings  # nothing to set
    return FcpeExtractor(runtime)
