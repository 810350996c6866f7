"""SwiftF0, from the package `swift-f0`.

Nieradzik: "SwiftF0: Fast and Accurate Monophonic Pitch Detection", arXiv:2508.18440.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import butter, sosfilt

from auto_voice.audio import Audio, Samples
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.pitch.framing import (
    MAX_HZ,
    MIN_HZ,
    SAMPLE_RATE,
    Floats,
    at_network_rate,
    frame_levels,
    in_pieces,
    network_gain,
)
from auto_voice.inference.pitch.tracking import Voicing, melody

if TYPE_CHECKING:
    from swift_f0 import SwiftF0

    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

_HOP = 128
_NETWORK_HOP = 256
_VOICING = Voicing(onset=0.5, release=0.35)
_HUM_FILTER = butter(4, 80.0, "highpass", fs=SAMPLE_RATE, output="sos")
_PIECE_SECONDS = 20.0
_CONTEXT_FRAMES = 40
"""The network hears 2,815 samples to each side of a frame, 22 of our hops; the hum filter needs time to settle."""


class SwiftF0Extractor:
    """Pitch every 8 ms: the network's own frames lie 16 ms apart, so it listens twice, half a frame apart.

    Thread-safe.
    """

    name = "swiftf0"

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        """Follow the melody; see `PitchExtractor`."""
        samples = at_network_rate(vocals)
        gain = network_gain(samples)

        def work(device: str, scale: float) -> tuple[Floats, Floats]:
            del device  # the network is so small that it is quickest on the CPU
            piece_frames = round(_PIECE_SECONDS * scale * SAMPLE_RATE / _HOP)
            with self._runtime.lease("swiftf0", _load) as detector:

                def find(piece: Samples) -> tuple[Floats, Floats]:
                    return _find(detector, _without_hum(piece * gain))

                return in_pieces(samples, _HOP, piece_frames, _CONTEXT_FRAMES, find, progress)

        pitch, confidence = self._runtime.run(work, "pitch extraction")
        return melody(pitch, confidence, frame_levels(samples, _HOP), _HOP / SAMPLE_RATE, _VOICING)


def create(settings: Settings, runtime: ModelRuntime) -> SwiftF0Extractor:
    """Factory of the pitch extractor `swiftf0`."""
    del settings  # nothing to set
    return SwiftF0Extractor(runtime)


def _load(device: str) -> SwiftF0:
    del device
    from swift_f0 import SwiftF0

    return SwiftF0(spin=False)


def _without_hum(samples: Samples) -> Samples:
    """Take mains hum away, which the network follows; low notes it knows by their harmonics. Shifts nothing in time."""
    forward = sosfilt(_HUM_FILTER, samples).astype(np.float32)
    clean: Samples = sosfilt(_HUM_FILTER, forward[::-1])[::-1].astype(np.float32)
    return clean


def _find(detector: SwiftF0, samples: Samples) -> tuple[Floats, Floats]:
    """Pitch and confidence every 128 samples, (n,) → at least (n // 128 + 1,) each."""
    padded = np.pad(samples, (0, 2 * _NETWORK_HOP))
    passes = [detector.detect(padded[offset:], SAMPLE_RATE, MIN_HZ, MAX_HZ) for offset in (0, _HOP)]
    count = min(len(found.pitch_hz) for found in passes)
    pitch = np.stack([found.pitch_hz[:count] for found in passes], axis=1).ravel()
    confidence = np.stack([found.confidence[:count] for found in passes], axis=1).ravel()
    return pitch.astype(np.float32), confidence.astype(np.float32)
