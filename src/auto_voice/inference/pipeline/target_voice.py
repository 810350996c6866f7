"""The voice a song is converted into: what the converter has learnt of it, learnt now if it has not been."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from auto_voice.errors import NotFoundError, StorageError
from auto_voice.features import Progress, VoiceState, part_of
from auto_voice.inference.pipeline.engines import Engines

if TYPE_CHECKING:
    from auto_voice.profiles import ProfileStore

_log = logging.getLogger(__name__)


def voice_state(profile_id: str, profiles: ProfileStore, engines: Engines, progress: Progress) -> VoiceState:
    """What the converter knows of a profile's voice.

    A profile made before the converter was installed, with another one, with other weights of it, or with other content
    features, holds its recording all the same: the voice is then learnt from that, and kept for the next time.

    Raises:
        ProfileNotFoundError: there is no such profile.
        StorageError: the profile is damaged.
    """
    try:
        state = profiles.load_voice_state(profile_id, engines.converter.name)
    except NotFoundError:
        state = None
    if state is not None:
        if engines.converter.fits(state, engines.content.name):
            return state
        _log.warning("voice %s was learnt with other models, and is learnt again; adapt it again if it was", profile_id)
    recording = profiles.load_reference(profile_id)
    contour = engines.pitch.extract(recording, part_of(progress, 0.0, 0.4))
    content = engines.content.extract(recording, part_of(progress, 0.4, 0.8))
    state = engines.converter.learn(recording, contour, content)
    progress(1.0)
    try:
        profiles.save_voice_state(profile_id, engines.converter.name, state)
    except StorageError as error:  # the conversion needs the state, not its copy on the disk
        _log.warning("what was learnt of voice %s is not kept: %s", profile_id, error.message)
    return state
