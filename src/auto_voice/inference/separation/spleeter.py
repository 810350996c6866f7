"""The embedded separator: Spleeter's two U-Nets, with inference code of our own.

Both networks estimate magnitudes of their stem; their ratio shares every time-frequency bin of the song out. What is
done differently from the published recipe, each because it measured better against true stems:

- the ratio is of magnitudes, not of powers (a generalised Wiener filter with exponent 1: Liutkus and Badeau,
  "Generalized Wiener filtering with fractional power spectrograms", ICASSP 2015);
- above 11 kHz, where the networks hear nothing, vocals get the square of their mean share instead of the mean;
- songs are brought to one level first, since the networks take quiet singing for accompaniment;
- windows overlap by half and are crossfaded, so that every moment is seen with what comes before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from auto_voice.audio import Audio, Samples
from auto_voice.errors import ModelLoadError
from auto_voice.features import Progress, Stems, no_progress
from auto_voice.inference.separation.stereo import separate_with
from auto_voice.models.networks.spleeter import BINS, FFT_SIZE, FRAMES_MULTIPLE, HOP, SpleeterUNet

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

MODEL = "spleeter-2stems"
_HOP_SECONDS = 5
_LEVEL_DBFS = -13.0
_MAX_GAIN_DB = 40.0
_EPSILON = 1e-10


class SpleeterSeparator:
    """Separates with the embedded network. Thread-safe.

    Args:
        runtime: lends the networks.
        warnings: sentences that every result carries (why this engine serves instead of another).
    """

    name = "spleeter"

    def __init__(self, runtime: ModelRuntime, warnings: tuple[str, ...] = ()) -> None:
        self._runtime = runtime
        self.warnings = warnings

    def separate(self, mix: Audio, progress: Progress = no_progress) -> Stems:
        """Take a song apart; see `Separator`."""
        gain = _gain(mix.samples)

        def work(device: str, scale: float) -> Stems:
            hop = max(1, round(_HOP_SECONDS * scale))
            with self._runtime.lease(MODEL, self._load) as networks, torch.inference_mode():

                def vocals(stereo: Samples, window_progress: Progress) -> Samples:
                    window_progress(0.0)
                    return _vocals(networks, torch.from_numpy(stereo).to(device), gain)

                return separate_with(
                    vocals,
                    self.name,
                    mix,
                    window_seconds=2 * hop,
                    overlap_seconds=hop,
                    progress=progress,
                    warnings=self.warnings,
                )

        return self._runtime.run(work, "separation")

    def _load(self, device: str) -> tuple[SpleeterUNet, SpleeterUNet]:
        paths = [self._runtime.model_file(MODEL, f"{stem}.safetensors") for stem in ("vocals", "accompaniment")]
        try:
            vocals, accompaniment = (SpleeterUNet.load(path).to(device) for path in paths)
        except ValueError as error:
            raise ModelLoadError(str(error), suggestions=[f"autovoice models fetch {MODEL}"]) from error
        return vocals, accompaniment


def create(settings: Settings, runtime: ModelRuntime) -> SpleeterSeparator:
    """Factory of the separator `spleeter`."""
    del settings  # the embedded network has nothing to set
    return SpleeterSeparator(runtime)


def _gain(samples: Samples) -> float:
    """What brings a song to the level at which the networks hear it; silence stays as it is."""
    level = float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) if samples.size else 0.0
    return min(10 ** (_LEVEL_DBFS / 20) / max(level, 1e-9), 10 ** (_MAX_GAIN_DB / 20))


def _vocals(networks: tuple[SpleeterUNet, SpleeterUNet], mix: Tensor, gain: float) -> Samples:
    """Vocals of one window of 44.1 kHz stereo, (2, n) → (2, n)."""
    window = torch.hann_window(FFT_SIZE, device=mix.device)
    spectrum = torch.stft(mix, FFT_SIZE, HOP, window=window, pad_mode="constant", return_complex=True)
    magnitudes = spectrum[:, :BINS].abs().transpose(1, 2)[None] * gain
    frames = magnitudes.shape[2]
    magnitudes = functional.pad(magnitudes, (0, 0, 0, -frames % FRAMES_MULTIPLE))
    vocals, accompaniment = (network(magnitudes)[0, :, :frames].transpose(1, 2) for network in networks)
    share = (vocals + _EPSILON / 2) / (vocals + accompaniment + _EPSILON)
    masked = spectrum * _extend(share, spectrum.shape[1])
    return torch.istft(masked, FFT_SIZE, HOP, window=window, length=mix.shape[1]).cpu().numpy()


def _extend(share: Tensor, bins: int) -> Tensor:
    """Share of vocals above the networks' 11 kHz, from their mean share below: (2, BINS, frames) → (2, bins, frames).

    Squared, because up there a song has more of cymbals and less of voice.
    """
    above = share.mean(dim=1, keepdim=True).square()
    return torch.cat((share, above.expand(-1, bins - BINS, -1)), dim=1)
