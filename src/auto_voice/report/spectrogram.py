"""Spectrograms as small pictures inside the page."""

from __future__ import annotations

import base64
import io

import numpy as np
from matplotlib import colormaps
from PIL import Image

from auto_voice.audio import Audio, resample_samples
from auto_voice.models.networks.mel import mel_filterbank

TOP_HZ = 8000
_RATE = 2 * TOP_HZ
_N_FFT = 1024
_BANDS = 160
_COLUMNS = 700
_RANGE_DB = 75.0


def spectrogram_png(audio: Audio) -> str:
    """A recording's mel spectrogram up to 8 kHz, 75 dB deep, as a data URL of a PNG of 700 × 160 points.

    Of a long recording one moment is looked at for each column, so that an hour takes no more than a minute.
    """
    wave = resample_samples(np.nan_to_num(audio.mono()), audio.sample_rate, _RATE)
    padded = np.pad(wave, (_N_FFT // 2, _N_FFT))
    starts = np.linspace(0, max(wave.size - 1, 0), _COLUMNS).astype(int)
    frames = padded[starts[:, None] + np.arange(_N_FFT)] * np.hanning(_N_FFT).astype(np.float32)
    power = mel_filterbank(_RATE, _N_FFT, _BANDS) @ (np.abs(np.fft.rfft(frames)) ** 2).T
    level = 10 * np.log10(power + 1e-10)
    depth = 1 + (level[::-1] - level.max()) / _RANGE_DB
    picture = Image.fromarray((depth.clip(0, 1) * 255).astype(np.uint8), mode="P")
    picture.putpalette((colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8).tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
