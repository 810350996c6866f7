"""Faster or slower at the same pitch: waveform similarity overlap-add (WSOLA, Verhelst and Roelands 1993)."""

from __future__ import annotations

import numpy as np

from auto_voice.audio import Audio

_FRAME_SECONDS = 0.03
_SEARCH_SECONDS = 0.008  # half a period of the lowest voice


def time_stretched(speech: Audio, factor: float) -> Audio:
    """Speech `factor` times as long. Mono.

    Frames that overlap by half are taken from where they fit the one before best, so that periods stay whole.
    """
    samples, rate = speech.mono().astype(np.float64), speech.sample_rate
    hop = round(_FRAME_SECONDS * rate / 2)
    search = round(_SEARCH_SECONDS * rate)
    window = np.hanning(2 * hop + 1)[:-1]
    length = round(len(samples) * factor)
    padded = np.pad(samples, (search, 4 * hop + 2 * search))
    out = np.zeros(length + 2 * hop)
    place = search
    for begin in range(0, length, hop):
        if begin:
            natural = padded[place + hop : place + 3 * hop]
            nominal = search + min(round(begin / factor), len(samples))
            region = padded[nominal - search : nominal + search + 2 * hop]
            place = nominal - search + int(np.argmax(np.correlate(region, natural, mode="valid")))
        out[begin : begin + 2 * hop] += padded[place : place + 2 * hop] * window
    out[:hop] += padded[search : search + hop] * window[hop:]
    return Audio(out[:length].astype(np.float32)[None], rate)
