"""Take a song apart; say how long it took, how loud the stems are, and how well they add up to the song."""

import sys
import time

import click
import numpy as np

from auto_voice import audio, plugins
from auto_voice.cli.failures import report_error
from auto_voice.config import load_settings
from auto_voice.errors import AutoVoiceError
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.separation_accuracy import si_sdr


@click.command()
@click.option("--song", required=True)
@click.option("--output", help="Folder for vocals.wav and accompaniment.wav.")
@click.option("--model", default="spleeter", show_default=True, help="spleeter, htdemucs or htdemucs_ft.")
@click.option("--vocals", help="The true vocals, to compare with.")
def test_separation(song: str, output: str | None, model: str, vocals: str | None) -> None:
    """Test separation on one song."""
    settings, mix, begun = load_settings(), audio.decode(song), time.perf_counter()
    stems = plugins.create("separators", model, settings, ModelRuntime(settings)).separate(mix)
    print(f"{stems.model}: {mix.duration:.1f} s in {time.perf_counter() - begun:.1f} s", *stems.warnings, sep="\n")
    for name, stem in {"vocals": stems.vocals, "accompaniment": stems.accompaniment}.items():
        print(f"{name}: {audio.integrated_loudness(stem):.1f} LUFS")
        if output:
            audio.write(f"{output}/{name}.wav", stem)
    print(f"residual: {np.abs(mix.samples - stems.vocals.samples - stems.accompaniment.samples).max():.1e}")
    if vocals:
        print(f"SI-SDR of the vocals: {si_sdr(stems.vocals, audio.decode(vocals)):.2f} dB")


if __name__ == "__main__":
    try:
        test_separation()
    except AutoVoiceError as error:
        sys.exit(report_error(error, as_json=False))
