"""What a recording may be, and what is known of one without decoding it."""

from __future__ import annotations

from dataclasses import dataclass

from auto_voice.errors import InvalidAudioError


@dataclass(frozen=True)
class DecodeLimits:
    """How much of a stranger's file is read before it is refused.

    Attributes:
        max_bytes: size of the file.
        min_seconds: shortest length.
        max_seconds: longest length.
        max_channels: most channels.
        min_rate: lowest sample rate, Hz.
        max_rate: highest sample rate, Hz.
        max_decoded_bytes: memory that the decoded samples may take (4 bytes a sample and channel); it only
            binds for long recordings with many channels at a high rate.
        timeout_seconds: wall-clock time that decoding may take.
    """

    max_bytes: int = 100 << 20
    min_seconds: float = 0.0
    max_seconds: float = 600.0
    max_channels: int = 8
    min_rate: int = 8000
    max_rate: int = 192_000
    max_decoded_bytes: int = 1 << 30
    timeout_seconds: float = 120.0


@dataclass(frozen=True)
class AudioInfo:
    """What a recording is.

    Attributes:
        format: "wav", "flac", "mp3", "ogg", "opus", "m4a", "webm" or "aiff", by content.
        sample_rate: Hz.
        channels: number of channels.
        duration_seconds: length.
        file_size_bytes: size of the file.
        mime: media type, by content.
    """

    format: str
    sample_rate: int
    channels: int
    duration_seconds: float
    file_size_bytes: int
    mime: str


def clock(seconds: float) -> str:
    """A length as people read it: "0.2 s", "11:00 min"."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def took_too_long() -> InvalidAudioError:
    """The error of a decoder that did not end in time."""
    return InvalidAudioError(
        "Decoding the file took too long, so it was stopped.",
        suggestions=["Convert the recording to WAV or FLAC and send that."],
    )
