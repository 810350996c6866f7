"""Sound: decode, resample, measure, write."""

from auto_voice.audio.signal import Audio, Samples

__all__ = ["Audio", "Samples"]
