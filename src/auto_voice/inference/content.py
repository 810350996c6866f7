"""Content: what is said at each moment, with as little as possible of who says it.

The engine here takes the middle layers of Whisper's encoder and its last: when a target's sounds were retrieved
by the middle ones, half as many words were lost as by the last; the network that maps content to a decoder's is
given all three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.errors import ModelLoadError
from auto_voice.features import ContentFeatures, Progress, no_progress
from auto_voice.models.networks.whisper_encoder import HOP_SECONDS, MAX_SECONDS, SAMPLE_RATE, WhisperEncoder

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

MODEL_ID = "whisper-base"
LAYERS = (3, 4, 6)

_HOP = int(HOP_SECONDS * SAMPLE_RATE)
_MARGIN = _HOP * 50
"""Context that neighbouring windows share on each side: a frame at an edge hears half of its surroundings."""

_FETCH_AGAIN = [f"autovoice models fetch {MODEL_ID} --force"]


class ContentExtractor(Protocol):
    """Hears what is said."""

    name: str

    def extract(self, speech: Audio, progress: Progress = no_progress) -> ContentFeatures:
        """Content of speech or singing of any rate, channels and length; frames cover it to the end."""


class WhisperContent:
    """Hidden states of Whisper's encoder (Radford et al. 2022), in windows of up to 30 s.

    Thread-safe; the network is leased from the runtime for each window.
    """

    name = f"{MODEL_ID}:{'+'.join(map(str, LAYERS))}"

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    def extract(self, speech: Audio, progress: Progress = no_progress) -> ContentFeatures:
        """See ContentExtractor; gives (3, frames, 512) every 20 ms.

        Raises:
            ModelLoadError: Whisper is not installed or its file is not what it should be.
            OutOfMemoryError: even the smallest window did not fit.
        """
        samples = resample_samples(speech.mono(), speech.sample_rate, SAMPLE_RATE)
        total = max(1, -(-len(samples) // _HOP))
        samples = np.pad(samples, (0, total * _HOP - len(samples)))

        def work(device: str, scale: float) -> NDArray[np.float16]:
            return self._extract_windows(samples, device, int(MAX_SECONDS * scale) * SAMPLE_RATE, progress)

        frames = self._runtime.run(work, "content extraction")
        progress(1.0)
        return ContentFeatures(frames=frames, hop_seconds=HOP_SECONDS, model=self.name)

    def _extract_windows(self, samples: Samples, device: str, window: int, progress: Progress) -> NDArray[np.float16]:
        """float32 (n,) at 16 kHz → float16 (layers, n // 320, width)."""
        pieces = []
        start = 0
        while True:
            progress(start / len(samples))
            piece = samples[start : start + window]
            states = self._encode(piece, device)
            last = start + window >= len(samples)
            first_kept = 0 if start == 0 else _MARGIN // _HOP
            end_kept = states.shape[1] if last else states.shape[1] - _MARGIN // _HOP
            pieces.append(states[:, first_kept:end_kept])
            if last:
                return np.concatenate(pieces, axis=1)
            start += window - 2 * _MARGIN

    def _encode(self, samples: Samples, device: str) -> NDArray[np.float16]:
        with self._runtime.lease(MODEL_ID + "/encoder", self._load) as encoder, torch.inference_mode():
            states = encoder(torch.from_numpy(samples).to(device), LAYERS)
        return cast("NDArray[np.float16]", states.to("cpu", torch.float16).numpy())

    def _load(self, device: str) -> WhisperEncoder:
        path = self._runtime.model_file(MODEL_ID, "model.bin")
        try:
            encoder = WhisperEncoder.from_ctranslate2(path)
        except ValueError as error:
            raise ModelLoadError(
                f"model {MODEL_ID!r} cannot be read: {error}",
                suggestions=_FETCH_AGAIN,
            ) from error
        if len(encoder.blocks) != max(LAYERS):
            raise ModelLoadError(
                f"model {MODEL_ID!r} has {len(encoder.blocks)} layers, not {max(LAYERS)}", suggestions=_FETCH_AGAIN
            )
        return encoder.to(device)
