"""How natural a voice sounds, as networks trained on listeners' opinions judge it.

DistillMOS gives one score; DNSMOS P.835 (Reddy et al. 2022) tells voice from background and is asked on
request. Both hear a few representative seconds, the same of the original and of the conversion, so that a
long song costs no more than a short one and the two scores can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples, resample_samples
from auto_voice.errors import (
    AudioTooShortError,
    InputError,
    InvalidAudioError,
    LowQualityAudioError,
    ModelLoadError,
)
from auto_voice.models.networks.distillmos import SAMPLE_RATE, SEGMENT, DistillMOS
from auto_voice.utils.threads import one_thread

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime

PREDICTOR = "distillmos"
SEGMENTS = 3
"""Segments of 7.68 s that are judged: the ones with most sound; 23 s in all."""
MINIMUM_SECONDS = 1.0

_SILENCE_DBFS = -65.0
_HEARD_WINDOW = 480

_DNSMOS_SAMPLES = 144_160
# Third, second and first coefficient: from the network's raw outputs to the scale of ITU-T P.808 listeners.
_DNSMOS_SCALES = {
    "signal": (-0.08397278, 1.22083953, 0.0052439),
    "background": (-0.13166888, 1.60915514, -0.39604546),
    "overall": (-0.06766283, 1.11546468, 0.04602535),
}


@dataclass(frozen=True, kw_only=True)
class Naturalness:
    """Mean opinion scores, 1 (bad) to 5 (excellent). What can't be told is null; `reason` says why.

    Attributes:
        mos: DistillMOS of the conversion.
        original_mos: DistillMOS of the same seconds of the original.
        mos_change: the conversion's minus the original's.
        dnsmos: signal, background and overall score of the conversion by DNSMOS, when asked for.
        predictor: the network behind `mos`.
        seconds_scored: how much of the conversion was heard.
    """

    mos: float | None = None
    original_mos: float | None = None
    mos_change: float | None = None
    dnsmos: dict[str, float] | None = None
    predictor: str = PREDICTOR
    seconds_scored: float | None = None
    reason: str | None = None


class NaturalnessJudge:
    """Scores voices without a reference. Holds no state of its own: safe to share between threads."""

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime

    def compare(self, original: Audio, converted: Audio, *, with_dnsmos: bool = False) -> Naturalness:
        """Judge the conversion where it has most sound, and the original in the same seconds.

        Raises:
            InputError: the conversion can't be judged (see `representative_places`).
            ModelLoadError: DistillMOS isn't installed.
        """
        places = representative_places(converted)
        heard = segments(converted, places)
        mos = self.mos(heard)
        reasons = []
        original_mos = dnsmos = None
        try:
            representative_places(original)
            original_mos = self.mos(segments(original, places))
        except InputError as error:
            reasons.append(f"original_mos: {error.message}")
        try:
            dnsmos = self.dnsmos(heard) if with_dnsmos else None
        except ModelLoadError as error:
            reasons.append(f"dnsmos: {error.message}")
        if not with_dnsmos:
            reasons.append("dnsmos: not asked for")
        return Naturalness(
            mos=mos,
            original_mos=original_mos,
            mos_change=None if original_mos is None else mos - original_mos,
            dnsmos=dnsmos,
            seconds_scored=sum(wave.size for wave in heard) / SAMPLE_RATE,
            reason="; ".join(reasons) or None,
        )

    def mos(self, waves: list[Samples]) -> float:
        """Mean DistillMOS of segments of at most 7.68 s at 16 kHz, shorter ones padded with silence.

        Raises:
            LowQualityAudioError: there is no segment.
            ModelLoadError: the network isn't installed.
        """
        if not waves:
            raise LowQualityAudioError("there is nothing but silence")
        batch = torch.from_numpy(np.stack([np.pad(wave, (0, SEGMENT - wave.size)) for wave in waves]))

        def work(device: str, scale: float) -> float:  # noqa: ARG001 - one segment at a time already
            with (
                self._runtime.lease(PREDICTOR, self._load_distillmos) as network,
                one_thread(),
                torch.inference_mode(),
            ):
                return float(np.mean([network(wave[None].to(device)).item() for wave in batch]))

        return self._runtime.run(work, "naturalness score")

    def dnsmos(self, waves: list[Samples]) -> dict[str, float]:
        """Mean of DNSMOS's three scores over segments at 16 kHz, each repeated to the 9 s the network hears.

        Raises:
            ModelLoadError: the network isn't installed.
        """
        heard = np.stack([np.resize(wave, _DNSMOS_SAMPLES) for wave in waves])
        with self._runtime.lease("dnsmos", self._load_dnsmos) as session:
            raw = np.concatenate([session.run(None, {"input_1": wave[None]})[0] for wave in heard])
        return {
            name: float(np.clip(np.polyval(scale, raw[:, column]), 1.0, 5.0).mean())
            for column, (name, scale) in enumerate(_DNSMOS_SCALES.items())
        }

    def _load_distillmos(self, device: str) -> DistillMOS:
        return DistillMOS.load(self._runtime.model_file("distillmos", "distillmos.safetensors"), device)

    def _load_dnsmos(self, device: str) -> Any:  # noqa: ARG002 - three small graphs: the CPU is quick enough
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(
            str(self._runtime.model_file("dnsmos", "sig_bak_ovr.onnx")),
            options,
            providers=["CPUExecutionProvider"],
        )


def representative_places(audio: Audio) -> list[float]:
    """Starts in seconds of the up to SEGMENTS segments with most sound, in order of time.

    Raises:
        InvalidAudioError: there are samples that aren't numbers.
        AudioTooShortError: shorter than 1 s.
        LowQualityAudioError: nothing but silence.
    """
    if not np.isfinite(audio.samples).all():
        raise InvalidAudioError("the audio has samples that aren't numbers")
    if audio.duration < MINIMUM_SECONDS:
        raise AudioTooShortError(f"naturalness can be judged from {MINIMUM_SECONDS:g} s of sound on")
    seconds = SEGMENT / SAMPLE_RATE
    last = max(0.0, audio.duration - seconds)
    starts = np.linspace(0.0, last, 1 + math.ceil(last / seconds)).tolist()
    activity = {start: _activity(_cut(audio, start)) for start in starts}
    heard = [start for start in starts if activity[start] > 0]
    if not heard:
        raise LowQualityAudioError("there is nothing but silence")
    return sorted(sorted(heard, key=lambda start: -activity[start])[:SEGMENTS])


def segments(audio: Audio, places: list[float]) -> list[Samples]:
    """Cut at `places` (seconds): mono, 16 kHz, float32 (samples ≤ 122880,); silent ones are left out."""
    cuts = [_cut(audio, place) for place in places]
    return [resample_samples(cut, audio.sample_rate, SAMPLE_RATE)[:SEGMENT] for cut in cuts if _activity(cut) > 0]


def _cut(audio: Audio, start: float) -> Samples:
    first = round(start * audio.sample_rate)
    piece = audio.samples[:, first : first + int(SEGMENT * audio.sample_rate / SAMPLE_RATE)]
    mono: Samples = piece.mean(axis=0, dtype=np.float32)
    return mono


def _activity(wave: NDArray[np.float32]) -> float:
    """Share of the wave's windows in which something sounds."""
    windows = wave[: wave.size - wave.size % _HEARD_WINDOW].reshape(-1, _HEARD_WINDOW)
    if not len(windows):
        return 0.0
    power = np.mean(windows.astype(np.float64) ** 2, axis=1)
    return float(np.mean(power > 10 ** (_SILENCE_DBFS / 10)))
