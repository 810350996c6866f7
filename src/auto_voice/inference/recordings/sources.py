"""The recordings of a voice as they come in: opened and decoded within the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_voice.audio import Audio, AudioInfo, DecodeLimits, check, decode, probe
from auto_voice.config import Settings
from auto_voice.errors import AutoVoiceError, InvalidParametersError

Source = Path | str | bytes | Audio
"""A file, the contents of one, or sound in memory."""

MOST_RECORDINGS = 50


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One recording.

    Attributes:
        label: how messages call it: "the recording", or "recording 2" of several.
        audio: all its channels at its own rate.
        info: what the file is.
    """

    label: str
    audio: Audio
    info: AudioInfo


def open_recordings(sources: Sequence[Source], settings: Settings) -> list[Recording]:
    """Decode recordings, together not longer than a song may be (`limits.max_song_duration_s`).

    Raises:
        InvalidParametersError: none, or more than MOST_RECORDINGS.
        InvalidAudioError, FileTooLargeError, NotFoundError: one cannot be used; with several, the message
        says which.
    """
    if not 1 <= len(sources) <= MOST_RECORDINGS:
        raise InvalidParametersError(f"a voice takes 1 to {MOST_RECORDINGS} recordings, not {len(sources)}")
    longest = settings.limits.max_song_duration_s
    recordings: list[Recording] = []
    for number, source in enumerate(sources, 1):
        label = "the recording" if len(sources) == 1 else f"recording {number}"
        left = longest - sum(recording.audio.duration for recording in recordings)
        try:
            recordings.append(_open(source, label, settings, left))
        except AutoVoiceError as error:
            raise about(label, error) from error
    return recordings


def about(label: str, error: AutoVoiceError) -> AutoVoiceError:
    """The same error, saying which of several recordings it is about."""
    if label == "the recording":
        return error
    return type(error)(f"{label}: {error.message}", suggestions=error.suggestions)


def _open(source: Source, label: str, settings: Settings, seconds_left: float) -> Recording:
    limits = DecodeLimits(max_bytes=settings.limits.max_audio_size_mb << 20, max_seconds=max(seconds_left, 1.0))
    if isinstance(source, Audio):
        check(source, limits)
        size = int(source.samples.nbytes)
        info = AudioInfo("array", source.sample_rate, source.channels, source.duration, size, "audio/x-raw")
        return Recording(label=label, audio=source, info=info)
    audio = decode(source, limits)
    return Recording(label=label, audio=audio, info=probe(source, limits))
