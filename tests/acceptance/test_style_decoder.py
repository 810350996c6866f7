"""The decoder in torch against the ONNX graph its weights are read from, on a sentence in two voices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from auto_voice.config import Settings
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.synthesis import KokoroSynthesizer, Prosody
from auto_voice.models.networks.mel import mel_filterbank
from auto_voice.models.networks.style_decoder import SAMPLE_RATE, StyleDecoder
from auto_voice.models.runtime import ModelRuntime
from auto_voice.training.generate import FastHalves

pytestmark = pytest.mark.models

SENTENCE = "We sing until the morning comes."
FLOOR = 1e-3


@pytest.fixture
def decoder(runtime: ModelRuntime) -> StyleDecoder:
    return StyleDecoder.from_file(runtime.model_file("kokoro-82m", "decoder.safetensors"))


@pytest.fixture
def synthesizer(settings: Settings, runtime: ModelRuntime) -> KokoroSynthesizer:
    return KokoroSynthesizer(settings, runtime)


def spoken_in_torch(decoder: StyleDecoder, prosody: Prosody) -> Tensor:
    parts = (prosody.content, prosody.f0, prosody.energy, prosody.style[: decoder.shape.style])
    with torch.inference_mode():
        samples: Tensor = decoder(*(torch.from_numpy(np.ascontiguousarray(part))[None] for part in parts))
    return samples[0]


def mel_db(samples: Tensor) -> Tensor:
    spectrum = torch.stft(samples, 1024, 256, window=torch.hann_window(1024), return_complex=True).abs()
    return 20 * (torch.from_numpy(mel_filterbank(SAMPLE_RATE, 1024, 80)) @ spectrum).clamp(min=FLOOR).log10()


def correlation(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack((one, other)))[0, 1])


@pytest.mark.parametrize("voice", ["af_heart", "am_michael"])
def test_it_speaks_as_the_graph_does(decoder: StyleDecoder, synthesizer: KokoroSynthesizer, voice: str) -> None:
    prosody = synthesizer.prosody(phonemes(SENTENCE, "us"), voice)
    reference = torch.from_numpy(synthesizer.decode(prosody).samples[0].copy())
    samples = spoken_in_torch(decoder, prosody)
    assert samples.shape == reference.shape
    # The graph rounds what flows through it to 8 bits, which alone makes 0.985 of a correlation of 1, and feeds its
    # network phases of bins that hold nothing but rounding errors.
    assert correlation(samples, reference) > 0.95
    assert (mel_db(samples) - mel_db(reference)).abs().mean() < 1.6
    assert 20 * torch.log10(samples.std() / reference.std()).abs() < 0.8


def test_bfloat16_is_nearer_to_float32_than_the_graph_is(decoder: StyleDecoder, synthesizer: KokoroSynthesizer) -> None:
    prosody = synthesizer.prosody(phonemes(SENTENCE, "us"), "af_heart")
    exact = spoken_in_torch(decoder, prosody)
    rounded = spoken_in_torch(decoder.compute_in(torch.bfloat16), prosody)
    assert correlation(rounded, exact) > 0.998
    assert (mel_db(rounded) - mel_db(exact)).abs().mean() < 0.25


def test_training_clips_are_made_as_the_graph_makes_them(settings: Settings, synthesizer: KokoroSynthesizer) -> None:
    prosody = synthesizer.prosody(phonemes(SENTENCE, "us"), "af_heart")
    reference = torch.from_numpy(synthesizer.decode(prosody).samples[0].copy())
    made = torch.from_numpy(FastHalves(settings).decode(prosody).samples[0].copy())
    assert correlation(made, reference) > 0.9
    assert (mel_db(made) - mel_db(reference)).abs().mean() < 2.0
