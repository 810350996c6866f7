"""The voices a request may name: the stock voices of the workers, and the profiles of whoever asks."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auto_voice.errors import ProfileNotFoundError, ServiceUnavailableError
from auto_voice.jobs.workers import WorkerRegistry, silence_seconds
from auto_voice.profiles import VoiceProfile
from auto_voice.web.caller import visible_owner
from auto_voice.web.services import services

OPENAI_VOICES = {
    "alloy": "af_alloy",
    "ash": "am_michael",
    "ballad": "bm_george",
    "cedar": "am_fenrir",
    "coral": "af_bella",
    "echo": "am_echo",
    "fable": "bm_fable",
    "marin": "af_heart",
    "nova": "af_nova",
    "onyx": "am_onyx",
    "sage": "af_sarah",
    "shimmer": "af_sky",
    "verse": "am_puck",
}
"""What clients of OpenAI's API ask for, and the stock voice that speaks for it."""


@dataclass(frozen=True)
class Speaker:
    """Who speaks.

    Attributes:
        voice: as workers know it: stock voices, or a profile's id.
        profile_id: of a cloned voice.
    """

    voice: str
    profile_id: str | None = None


def stock_voices() -> Sequence[dict[str, Any]]:
    """The workers' own voices: name, language, gender.

    Raises:
        ServiceUnavailableError: no worker lives.
    """
    here = services()
    found = WorkerRegistry(here.database).voices(silence_seconds(here.settings))
    if not found:
        raise ServiceUnavailableError(
            "Nobody is there to speak: no worker runs.", suggestions=["Try again when `/ready` answers 200."]
        )
    return found


def cloned_voices() -> Sequence[VoiceProfile]:
    """The profiles that whoever asks may use."""
    return services().profiles.list(visible_owner(None, ProfileNotFoundError()))


def speaker(voice: str | None, user_id: str | None = None) -> Speaker:
    """Who is meant by a stock voice, several mixed ("af_heart+am_adam"), OpenAI's name of one, or a profile's id or
    name; the configured voice where none is named.

    Args:
        voice: as it was asked for.
        user_id: whose profiles are meant, as `visible_owner` has it.

    Raises:
        ProfileNotFoundError: nobody, or another owner's profile; names voices that come near.
        InvalidParametersError: several profiles.
        ServiceUnavailableError: no worker lives.
    """
    stock = [each["name"] for each in stock_voices()]
    owner = visible_owner(user_id, ProfileNotFoundError())
    if voice is None:
        voice, owner = services().settings.tts.voice, None
    names = [part if part in stock else OPENAI_VOICES.get(part, part) for part in map(str.strip, voice.split("+"))]
    if all(name in stock for name in names):
        return Speaker("+".join(names))
    try:
        profile = services().profiles.find(voice, owner)
    except ProfileNotFoundError as error:
        near = difflib.get_close_matches(voice.lower(), [*stock, *OPENAI_VOICES], n=2)
        raise ProfileNotFoundError(
            "There is no voice of that name.",
            suggestions=[
                *(f"Did you mean {name!r}?" for name in near),
                *(hint for hint in error.suggestions if hint.startswith("Did you mean")),
                "`GET /v1/audio/voices` lists the voices there are.",
            ],
        ) from None
    return Speaker(profile.profile_id, profile.profile_id)
