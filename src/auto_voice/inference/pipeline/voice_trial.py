"""How good a voice of the neural decoder is: it reads a few sentences, which are then listened to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from auto_voice.audio import Audio
from auto_voice.errors import InputError
from auto_voice.inference.conversion.adaptive import VoiceScores
from auto_voice.inference.synthesis import KokoroSynthesizer, Prosody
from auto_voice.utils.naturalness import NaturalnessJudge, representative_places, segments
from auto_voice.utils.speaker import SpeakerEncoder, similarity

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.inference.conversion.adaptation import Speak
    from auto_voice.models.runtime import ModelRuntime

WORST = VoiceScores(similarity=-1.0, naturalness=1.0)

SENTENCES = (
    "A grey heron stood beside the frozen pool, and nobody in the harbour looked up.",
    "Each of these old songs begins with a question that only the last line answers.",
    "Why would you wake the whole house just to show us a yellow umbrella?",
    "Give me the larger half, and thank your father for the journey here.",
)
"""Between them they hold nearly every sound of English."""

_LOW_READER, _HIGH_READER = "am_michael", "af_heart"
_HIGH_FROM_HZ = 160.0
_VOICED_ABOVE_HZ = 10.0


class VoiceTrial:
    """A VoiceJudge: what is said, and with what melody, comes from a stock reader; only the voice is judged."""

    def __init__(self, settings: Settings, runtime: ModelRuntime) -> None:
        self._reader = KokoroSynthesizer(settings, runtime)
        self._speaker = SpeakerEncoder(runtime)
        self._naturalness = NaturalnessJudge(runtime)

    def __call__(self, speak: Speak, target: Audio, median_hz: float) -> VoiceScores:
        """See VoiceJudge.

        A voice in which nothing can be heard is as bad as can be.

        Raises:
            ModelLoadError: Kokoro, GE2E or DistillMOS is not installed.
        """
        wanted = self._speaker.embed(target)

        def spoken(prosody: Prosody) -> Audio:
            return speak(prosody.content, _moved(prosody.f0, median_hz), prosody.energy)

        stock = _HIGH_READER if median_hz >= _HIGH_FROM_HZ else _LOW_READER
        reader = self._reader.with_second_half(spoken)
        read = [reader.synthesize_sentence(sentence, stock) for sentence in SENTENCES]
        heard = Audio(np.concatenate([each.samples for each in read], axis=1), read[0].sample_rate)
        try:
            return VoiceScores(
                similarity=similarity(self._speaker.embed(heard), wanted),
                naturalness=self._naturalness.mos(segments(heard, representative_places(heard))),
            )
        except InputError:
            return WORST


def _moved(f0: np.ndarray, median_hz: float) -> np.ndarray:
    """The same melody around another median; 0 where unvoiced."""
    voiced = f0 > _VOICED_ABOVE_HZ
    ratio = median_hz / float(np.median(f0[voiced])) if voiced.any() else 1.0
    return np.where(voiced, f0 * np.float32(ratio), 0).astype(np.float32)
