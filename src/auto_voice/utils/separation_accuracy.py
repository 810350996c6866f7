"""How near separated stems come to the true ones: SDR and its scale-invariant form.

Le Roux, Wisdom, Erdogan, Hershey: "SDR – half-baked or well done?", ICASSP 2019. Channels are taken together.
"""

from __future__ import annotations

import numpy as np

from auto_voice.audio import Audio, Samples
from auto_voice.errors import InvalidParametersError

_SMALLEST = 1e-20


def sdr(estimate: Audio, truth: Audio) -> float:
    """Signal-to-distortion ratio in dB: the energy of the truth over that of the difference.

    Raises:
        InvalidParametersError: rate, channels or length differ, or the truth is silent.
    """
    signal, found = _comparable(estimate, truth)
    return _ratio_db(_energy(signal, signal), _energy(found - signal, found - signal))


def si_sdr(estimate: Audio, truth: Audio) -> float:
    """Scale-invariant SDR in dB: a wrong volume is not held against the estimate.

    Raises:
        InvalidParametersError: as for `sdr`.
    """
    signal, found = _comparable(estimate, truth)
    # The truth, scaled to what of it is in the estimate; the rest is orthogonal to it.
    wanted = _energy(found, signal) ** 2 / _energy(signal, signal)
    return _ratio_db(wanted, _energy(found, found) - wanted)


def _comparable(estimate: Audio, truth: Audio) -> tuple[Samples, Samples]:
    if (estimate.sample_rate, estimate.samples.shape) != (truth.sample_rate, truth.samples.shape):
        raise InvalidParametersError(
            f"{estimate.samples.shape} samples at {estimate.sample_rate} Hz cannot be compared with"
            f" {truth.samples.shape} at {truth.sample_rate} Hz"
        )
    if not truth.samples.any():
        raise InvalidParametersError("the true stem is silent: nothing can be compared with it")
    return truth.samples, estimate.samples


def _energy(a: Samples, b: Samples) -> float:
    return float(np.einsum("ij,ij->", a, b, dtype=np.float64))


def _ratio_db(signal: float, distortion: float) -> float:
    return float(10 * np.log10(max(signal, _SMALLEST) / max(distortion, _SMALLEST)))
