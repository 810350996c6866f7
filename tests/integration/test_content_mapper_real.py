"""The shipped content mapper hears what a stock voice says: its content is near what the decoder was told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.inference.content import WhisperContent
from auto_voice.inference.conversion.content_input import active_frames, mapper_input
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.synthesis import KokoroSynthesizer, vocabulary
from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.models.runtime import ModelRuntime
from auto_voice.models.weights import CONTENT_MAPPER
from auto_voice.training.generate import HELD_OUT_VOICES

SENTENCES = ("The captain measured the depth of the water with a rope.", "They never minded the weather at the beach.")


def test_the_shipped_weights_are_for_the_features_and_the_decoder() -> None:
    mapper = ContentMapper.from_file(CONTENT_MAPPER)
    assert (mapper.shape.features, mapper.shape.content) == (1536, 512)
    assert set(mapper.phones.tolist()) == {0, *vocabulary().values()}
    assert CONTENT_MAPPER.stat().st_size < 6_000_000


@pytest.mark.models
@pytest.mark.parametrize("voice", HELD_OUT_VOICES)
def test_it_hears_what_voices_say_that_it_was_not_trained_with(
    voice: str, settings: Settings, runtime: ModelRuntime
) -> None:
    synthesizer = KokoroSynthesizer(settings, runtime)
    lines = [synthesizer.prosody(phonemes(sentence), voice) for sentence in SENTENCES]
    truth = torch.from_numpy(np.concatenate([line.content for line in lines], axis=1).T)
    sound = Audio(np.concatenate([synthesizer.decode(line).samples for line in lines], axis=1), 24_000)

    heard = WhisperContent(runtime).extract(sound)
    features = torch.from_numpy(mapper_input(heard, active_frames(sound, heard)))
    mapped, _ = ContentMapper.from_file(CONTENT_MAPPER)(features[None])

    assert mapped[0].shape == truth.shape
    assert float(torch.cosine_similarity(mapped[0], truth, dim=-1).mean()) > 0.85
