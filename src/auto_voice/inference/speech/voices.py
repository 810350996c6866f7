"""Kokoro's stock voices: their names say language and gender."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

from auto_voice.errors import ProfileNotFoundError

_LANGUAGES = {
    "a": "en-US", "b": "en-GB", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja",
    "p": "pt-BR", "z": "zh",
}  # fmt: skip
_GENDERS = {"f": "female", "m": "male"}
_NAMES = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova",
    "af_river", "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam",
    "am_michael", "am_onyx", "am_puck", "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily",
    "bm_daniel", "bm_fable", "bm_george", "bm_lewis", "ef_dora", "em_alex", "em_santa", "ff_siwis",
    "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola", "jf_alpha", "jf_gongitsune",
    "jf_nezumi", "jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex", "pm_santa", "zf_xiaobei", "zf_xiaoni",
    "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """A stock voice.

    Attributes:
        name: what to ask for.
        language: the language it was recorded in ("en-US"). Every voice reads English, the others with
            their accent.
        gender: "female" or "male".
    """

    name: str
    language: str
    gender: str

    @property
    def british(self) -> bool:
        """Whether it reads with British pronunciation."""
        return self.language == "en-GB"


VOICES = {name: Voice(name, _LANGUAGES[name[0]], _GENDERS[name[1]]) for name in _NAMES}
"""All 54, by name."""

DEFAULT_VOICE = "af_heart"


def voice_named(name: str) -> Voice:
    """The stock voice of that name.

    Raises:
        ProfileNotFoundError: there is none; the message names the nearest.
    """
    if name in VOICES:
        return VOICES[name]
    near = difflib.get_close_matches(name.lower(), [*VOICES, *(each[3:] for each in VOICES)], n=1, cutoff=0.5)
    hints = [each for each in VOICES if near and each.endswith(near[0])]
    raise ProfileNotFoundError(
        f"no voice is called {name!r}" + (f"; did you mean {' or '.join(hints)}?" if hints else ""),
        suggestions=["autovoice speak --list-voices", "autovoice profiles list"],
    )


_SOURCES = {"am_michael": 103.0, "am_fenrir": 126.0, "af_kore": 142.0, "af_heart": 181.0}
"""Good readers from low to high, with the median of their F0 on a plain statement, Hz."""

_FARTHEST_SHIFT = 4.0


def source_voice(median_hz: float) -> tuple[str, float]:
    """The stock voice to speak for a cloned one whose F0 has that median, and by how much to shift its pitch.

    Returns: name, semitones (at most 4 either way: a profile made from singing lies above its owner's
    speech).
    """
    name = min(_SOURCES, key=lambda each: abs(math.log2(median_hz / _SOURCES[each])))
    shift = 12 * math.log2(median_hz / _SOURCES[name])
    return name, min(max(shift, -_FARTHEST_SHIFT), _FARTHEST_SHIFT)
