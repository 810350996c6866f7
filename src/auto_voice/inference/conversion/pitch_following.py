"""How near what was sung came to the melody that was asked for, and how to ask so that it comes nearer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from auto_voice.features import PitchContour
from auto_voice.inference.conversion.decoder_input import DecoderInput
from auto_voice.models.networks.style_decoder import CURVE_RATE

_CORRECTABLE_SEMITONES = 2.0
_SMOOTHING_FRAMES = 2.0
_SHARE = 0.8
"""Of a miss that the next attempt makes up for: all of it would overshoot."""


def asked_anew(given: DecoderInput, measured: PitchContour, wanted: PitchContour) -> DecoderInput:
    """The same with a melody that leans against the decoder's own misses, for another attempt.

    Args:
        given: what was sung; its melody may lean already.
        measured: the melody that came out.
        wanted: the melody it should have.
    """
    apart = semitones_apart(measured, wanted)
    known = np.abs(apart) <= _CORRECTABLE_SEMITONES
    if not known.any():
        return given
    clock = np.arange(len(apart))
    smooth = gaussian_filter1d(median_filter(np.interp(clock, clock[known], apart[known]), 5), _SMOOTHING_FRAMES)
    places = (np.arange(len(given.f0)) + 0.5) / CURVE_RATE / measured.hop_seconds
    lean = 2 ** (_SHARE * np.interp(places, clock, smooth) / 12)
    return replace(given, f0=(given.f0 * lean).astype(np.float32))


def resampled(contour: PitchContour, clock: PitchContour) -> NDArray[np.float32]:
    """F0 of `contour` at the frames of another."""
    if not len(contour.f0):
        return np.zeros(len(clock.f0), np.float32)
    places = np.round(np.arange(len(clock.f0)) * clock.hop_seconds / contour.hop_seconds).astype(np.int64)
    return contour.f0[np.minimum(places, len(contour.f0) - 1)]


def semitones_apart(measured: PitchContour, wanted: PitchContour) -> NDArray[np.float64]:
    """Semitones from `measured` up to `wanted`; infinite where either is unvoiced."""
    target = resampled(wanted, measured)
    both = (target > 0) & (measured.f0 > 0)
    difference = np.full(len(measured.f0), np.inf)
    difference[both] = 12 * np.log2(target[both] / measured.f0[both])
    return difference
