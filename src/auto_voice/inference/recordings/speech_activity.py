"""Where somebody speaks: Silero VAD over a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, resample_samples
from auto_voice.errors import ModelLoadError
from auto_voice.features import Progress, no_progress

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

SAMPLE_RATE = 16_000
WINDOW = 512
"""Samples the network judges at a time (32 ms at 16 kHz)."""
CONTEXT = 64
"""Samples before each window that the network wants to see again."""
HOP_SECONDS = WINDOW / SAMPLE_RATE

ONSET = 0.5
"""Probability at which speech begins."""
RELEASE = 0.35
"""Probability under which speech ends: lower, so that a weak consonant does not cut a word in two."""

_REPORT_EVERY = 500


@dataclass(frozen=True, kw_only=True)
class SpeechActivity:
    """Speech, window by window; window i covers i × hop_seconds to (i + 1) × hop_seconds.

    Attributes:
        probability: float32 (windows,), 0–1.
        hop_seconds: length of a window.
    """

    probability: NDArray[np.float32]
    hop_seconds: float = HOP_SECONDS

    @property
    def active(self) -> NDArray[np.bool_]:
        """Windows with speech, bool (windows,): on at ONSET, off again under RELEASE."""
        return keep_touched(self.probability >= RELEASE, by=self.probability >= ONSET)


def keep_touched(candidate: NDArray[np.bool_], by: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those unbroken stretches of `candidate` in which `by` is true somewhere; all are bool (windows,)."""
    stretch = np.cumsum(np.diff(candidate, prepend=False) != 0)
    touched = np.bincount(stretch, weights=by, minlength=1) > 0
    kept: NDArray[np.bool_] = candidate & touched[stretch]
    return kept


class SpeechActivityDetector:
    """Silero VAD (Silero Team, MIT), the ONNX network of the package `silero-vad`, run on the CPU.

    It hears read and spoken words almost without error, sung words well, and vowels sung without words hardly
    at all. Thread-safe: the recurrent state lives in each call.
    """

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    def detect(self, recording: Audio, progress: Progress = no_progress) -> SpeechActivity:
        """Judge a recording of any rate and length (its channels are averaged).

        Raises:
            ModelLoadError: the weights are not installed or not readable.
        """
        samples = resample_samples(recording.mono(), recording.sample_rate, SAMPLE_RATE)
        windows = -(-samples.size // WINDOW)
        padded = np.zeros(CONTEXT + windows * WINDOW, np.float32)
        padded[CONTEXT : CONTEXT + samples.size] = samples
        probability = np.zeros(windows, np.float32)
        state = np.zeros((2, 1, 128), np.float32)
        rate = np.array(SAMPLE_RATE, np.int64)
        with self._runtime.lease("silero-vad", self._load) as network:
            for index in range(windows):
                window = padded[None, index * WINDOW : CONTEXT + (index + 1) * WINDOW]
                speech, state = network.run(None, {"input": window, "state": state, "sr": rate})
                probability[index] = speech[0, 0]
                if index % _REPORT_EVERY == 0:
                    progress(index / windows)
        progress(1.0)
        return SpeechActivity(probability=probability)

    def _load(self, device: str) -> Any:  # noqa: ARG002 - the runtime passes it
        """An inference session on one thread; 32 ms at a time, a GPU would only wait."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = self._runtime.model_file("silero-vad", "silero_vad.onnx")
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own that share no base
            raise ModelLoadError(
                f"the speech detector at {path} cannot be loaded: {error}",
                suggestions=["Fetch it again: autovoice models fetch silero-vad"],
            ) from error
