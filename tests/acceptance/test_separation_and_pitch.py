"""The embedded separator and the pitch engines on real songs and singers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from auto_voice.audio import Audio, decode
from auto_voice.config import Settings
from auto_voice.features import PitchContour
from auto_voice.inference.pipeline.vocal_presence import SUNG_ABOVE_MUSIC_DB
from auto_voice.models.networks.spleeter import SpleeterUNet
from auto_voice.models.runtime import ModelRuntime
from auto_voice.plugins import create
from auto_voice.utils.separation_accuracy import si_sdr

pytestmark = [pytest.mark.models, pytest.mark.real_audio]

SONGS = ("lithium", "sodium", "potassium", "francium")
SINGERS = ("vocadito_1", "vocadito_10", "sms-singing-female", "sms-vignesh")
BEGIN, END = 18, 28


@pytest.fixture(scope="module")
def excerpts(real_data: Path) -> dict[str, dict[str, Audio]]:
    """Ten seconds of each song: mix, vocals, accompaniment."""

    def excerpt(path: Path) -> Audio:
        whole = decode(path)
        part = whole.samples[:, BEGIN * whole.sample_rate : END * whole.sample_rate]
        return Audio(np.ascontiguousarray(part), whole.sample_rate)

    stems = ("mix", "vocals", "accompaniment")
    return {song: {stem: excerpt(real_data / "songs" / song / f"{stem}.flac") for stem in stems} for song in SONGS}


def published_recipe(networks: tuple[SpleeterUNet, SpleeterUNet], mix: Audio) -> Audio:
    """Vocals as the network's publishers make them: power ratio, pieces of 512 frames, mean mask above 11 kHz."""
    window = torch.hann_window(4096)
    samples = torch.from_numpy(mix.samples)
    spectrum = torch.stft(samples, 4096, 1024, window=window, pad_mode="constant", return_complex=True)
    magnitudes = spectrum[:, :1024].abs().transpose(1, 2)[None]
    frames = magnitudes.shape[2]
    padded = torch.nn.functional.pad(magnitudes, (0, 0, 0, -frames % 512))

    def power(network: SpleeterUNet) -> Tensor:
        pieces = [network(piece) for piece in padded.split(512, dim=2)]
        return torch.cat(pieces, dim=2)[0, :, :frames].transpose(1, 2).square()

    vocals, rest = (power(network) for network in networks)
    mask = (vocals + 5e-11) / (vocals + rest + 1e-10)
    above = mask.mean(dim=1, keepdim=True).expand(-1, spectrum.shape[1] - 1024, -1)
    masked = spectrum * torch.cat((mask, above), dim=1)
    estimate = torch.istft(masked, 4096, 1024, window=window, length=mix.frames)
    return Audio(estimate.numpy(), mix.sample_rate)


def test_the_embedded_network_separates_better_than_by_the_published_recipe(
    excerpts: dict[str, dict[str, Audio]], settings: Settings, runtime: ModelRuntime
) -> None:
    separator = create("separators", "spleeter", settings, runtime)
    networks = tuple(
        SpleeterUNet.load(runtime.model_file("spleeter-2stems", f"{stem}.safetensors"))
        for stem in ("vocals", "accompaniment")
    )
    ours, theirs = [], []
    for song in excerpts.values():
        stems = separator.separate(song["mix"])
        residual = stems.vocals.samples + stems.accompaniment.samples - song["mix"].samples
        assert np.abs(residual).max() < 1e-6
        ours.append(si_sdr(stems.vocals, song["vocals"]))
        theirs.append(si_sdr(published_recipe(networks, song["mix"]), song["vocals"]))
    print(f"\nSI-SDR of vocals, dB: ours {np.round(ours, 2)}, published recipe {np.round(theirs, 2)}")
    assert np.mean(ours) > np.mean(theirs) + 0.3
    assert np.mean(ours) > 6.5


def sung_above_music_db(vocals: Audio, mix: Audio, contour: PitchContour) -> float:
    hop = contour.hop_seconds * mix.sample_rate
    voiced = contour.voiced[np.minimum((np.arange(mix.frames) / hop).astype(int), len(contour.f0) - 1)]
    sung = np.square(vocals.samples[:, voiced], dtype=np.float64).sum()
    return float(10 * np.log10(sung / np.square(mix.samples, dtype=np.float64).sum() + 1e-12))


def test_vocals_are_found_where_somebody_sings_and_nowhere_else(
    excerpts: dict[str, dict[str, Audio]], settings: Settings, runtime: ModelRuntime
) -> None:
    separator = create("separators", "spleeter", settings, runtime)
    pitch = create("pitch", "swiftf0", settings, runtime)
    for name, song in excerpts.items():
        for stem, sings in (("mix", True), ("accompaniment", False)):
            vocals = separator.separate(song[stem]).vocals
            level = sung_above_music_db(vocals, song[stem], pitch.extract(vocals))
            print(f"{name} {stem}: {level:.1f} dB")
            assert (level > SUNG_ABOVE_MUSIC_DB) == sings


@pytest.mark.parametrize("singer", SINGERS)
def test_both_pitch_engines_hear_the_same_melody(
    real_data: Path, settings: Settings, runtime: ModelRuntime, singer: str
) -> None:
    voice = decode(real_data / "singing" / f"{singer}.wav")
    swift, fcpe = (create("pitch", name, settings, runtime).extract(voice) for name in ("swiftf0", "fcpe"))
    seconds = np.arange(len(fcpe.f0)) * fcpe.hop_seconds
    nearest = np.minimum(np.round(seconds / swift.hop_seconds).astype(int), len(swift.f0) - 1)
    both = fcpe.voiced & swift.voiced[nearest]
    cents = np.abs(1200 * np.log2(swift.f0[nearest][both] / fcpe.f0[both]))
    agreement = (fcpe.voiced == swift.voiced[nearest]).mean()
    print(
        f"\n{singer}: median {np.median(cents):.1f} cents, within 50 {(cents < 50).mean():.1%}, voicing {agreement:.1%}"
    )
    assert np.median(cents) < 8
    assert (cents < 50).mean() > 0.95
    assert (cents > 600).mean() < 0.005
    assert agreement > 0.93
