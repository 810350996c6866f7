"""Finding the voice in recordings, and deciding which of them are good enough to learn it from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auto_voice.audio import Audio
from auto_voice.errors import AudioTooShortError, LowQualityAudioError
from auto_voice.features import PitchContour, Progress, no_progress, part_of
from auto_voice.inference.recordings.cleanup import best_channel
from auto_voice.inference.recordings.quality import RecordingQuality, measure, no_voice, refuse
from auto_voice.inference.recordings.sources import Recording, about
from auto_voice.inference.recordings.voice_windows import Mask, find_voice, within

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.inference.pipeline.engines import Engines
    from auto_voice.inference.recordings.speech_activity import SpeechActivityDetector

VOICE_SHARE = 2 / 3
"""How much of the shortest allowed recording must be voice: 20 s of 30 s."""


@dataclass(frozen=True, kw_only=True)
class HeardVoice:
    """A recording whose voice was found and is good enough.

    Attributes:
        sound: mono, at the recording's rate.
        voice: its windows with voice.
        quality: what was measured.
    """

    sound: Audio
    voice: Mask
    quality: RecordingQuality


class VoiceHearing:
    """Listens to recordings with the engines of a preset. Thread-safe."""

    def __init__(self, settings: Settings, engines: Engines, detector: SpeechActivityDetector) -> None:
        self._shortest = settings.limits.min_profile_duration_s
        self._engines = engines
        self._detector = detector

    def hear_all(
        self, recordings: Sequence[Recording], *, separate: bool = False, progress: Progress = no_progress
    ) -> tuple[list[HeardVoice], list[str]]:
        """Find and judge the voice in each recording; a bad one among good ones is left out, with a warning.

        Args:
            recordings: of one person.
            separate: they are songs; take the vocals out first.
            progress: called with 0-1.

        Returns:
            The good ones, and sentences for the user.

        Raises:
            AudioTooShortError: less than `limits.min_profile_duration_s` in all, or too little voice in it.
            LowQualityAudioError: no recording is good enough; says why the first is not.
        """
        total = sum(recording.audio.duration for recording in recordings)
        if total < self._shortest:
            raise AudioTooShortError(
                f"there are {total:.1f} s of recording; a voice needs at least {self._shortest:.0f} s in all",
                suggestions=["Record 45 to 60 s of reading or singing, or add a second recording."],
            )
        heard: list[HeardVoice] = []
        warnings: list[str] = []
        refusals: list[LowQualityAudioError] = []
        for index, recording in enumerate(recordings):
            share = part_of(progress, index / len(recordings), (index + 1) / len(recordings))
            try:
                heard.append(self._hear(recording.audio, separate, warnings, share))
            except LowQualityAudioError as error:
                refusals.append(error)
                warnings.append(f"{recording.label.capitalize()} was left out: {error.message}.")
        if not heard:
            raise about(recordings[0].label, refusals[0])
        found = sum(each.quality.voice_seconds for each in heard)
        needed = VOICE_SHARE * self._shortest
        if found < needed:
            without = f" ({'; '.join(error.message for error in refusals)})" if refusals else ""
            raise AudioTooShortError(
                f"{found:.1f} s of usable voice were found in {total:.1f} s of recording;"
                f" at least {needed:.0f} s are needed{without}",
                suggestions=["Record 45 to 60 s with fewer pauses, or add a second recording."],
            )
        return heard, warnings

    def contour(self, reference: Audio, progress: Progress = no_progress) -> PitchContour:
        """The melody of a clean recording; 0 in the pauses, where mains hum may have a pitch."""
        contour = self._engines.pitch.extract(reference, part_of(progress, 0.0, 0.7))
        activity = self._detector.detect(reference, part_of(progress, 0.7, 1.0))
        return within(contour, find_voice(reference, activity, contour, only_voice=False))

    def _hear(self, sound: Audio, separate: bool, warnings: list[str], progress: Progress) -> HeardVoice:
        """The voice of one recording, measured. Raises LowQualityAudioError when it is no use."""
        if separate:
            stems = self._engines.separator.separate(sound, part_of(progress, 0.0, 0.7))
            warnings += stems.warnings
            sound, progress = stems.vocals, part_of(progress, 0.7, 1.0)
        sound = best_channel(sound, self._detector, part_of(progress, 0.0, 0.4))
        activity = self._detector.detect(sound, part_of(progress, 0.4, 0.6))
        if not activity.active.any():
            raise no_voice(sound, separated=separate)
        contour = self._engines.pitch.extract(sound, part_of(progress, 0.6, 1.0))
        voice = find_voice(sound, activity, contour, only_voice=separate)
        quality = measure(sound, voice)
        refuse(quality, separated=separate)
        return HeardVoice(sound=sound, voice=voice, quality=quality)
