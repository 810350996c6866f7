"""A voice is learnt again when what was learnt of it does not fit the converter's content any more."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.errors import NotFoundError, StorageError
from auto_voice.features import ContentFeatures, PitchContour, VoiceState, no_progress
from auto_voice.inference.pipeline.engines import Engines
from auto_voice.inference.pipeline.target_voice import voice_state
from auto_voice.profiles import ProfileStore
from tiny_speech import TinyContent, TinyPitch


class Store:
    """Keeps the state of one voice."""

    def __init__(self, state: VoiceState | None, *, full: bool = False) -> None:
        self.state = state
        self._full = full

    def load_voice_state(self, profile_id: str, converter: str) -> VoiceState:
        if self.state is None:
            raise NotFoundError("nothing learnt yet")
        return self.state

    def load_reference(self, profile_id: str) -> Audio:
        return Audio(np.zeros((1, 16_000), np.float32), 16_000)

    def save_voice_state(self, profile_id: str, converter: str, state: VoiceState) -> None:
        if self._full:
            raise StorageError("the disk is full")
        self.state = state


class Learner:
    """Learns the name of the content model."""

    name = "learner"

    def __init__(self) -> None:
        self.learnt = 0

    def learn(self, recording: Audio, contour: PitchContour, content: ContentFeatures) -> VoiceState:
        self.learnt += 1
        return state_of(content.model)

    def fits(self, voice: VoiceState, content_model: str) -> bool:
        return bytes(voice["content_model"]).decode() == content_model


def state_of(model: str) -> VoiceState:
    return {"content_model": np.frombuffer(model.encode(), np.uint8)}


def learnt_from(store: Store) -> tuple[VoiceState, int]:
    learner = Learner()
    engines = Engines(separator=None, pitch=TinyPitch(), content=TinyContent(), converter=learner)  # type: ignore[arg-type]
    return voice_state("any", cast(ProfileStore, store), engines, no_progress), learner.learnt


def test_what_was_learnt_and_fits_is_used() -> None:
    state = state_of("tiny")
    assert learnt_from(Store(state)) == (state, 0)


@pytest.mark.parametrize("state", [None, state_of("another model")], ids=["nothing", "another model"])
def test_else_the_voice_is_learnt_and_kept(state: VoiceState | None) -> None:
    store = Store(state)
    found, learnt = learnt_from(store)
    assert learnt == 1 and bytes(found["content_model"]) == b"tiny"
    assert store.state is found


def test_a_full_disk_does_not_keep_from_converting() -> None:
    found, learnt = learnt_from(Store(None, full=True))
    assert learnt == 1 and bytes(found["content_model"]) == b"tiny"
