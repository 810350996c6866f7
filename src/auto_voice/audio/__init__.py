"""Sound: decode, resample, measure, write."""

from auto_voice.audio.decode import check, decode, probe
from auto_voice.audio.encode import encode, write
from auto_voice.audio.limiter import limit_true_peak
from auto_voice.audio.limits import AudioInfo, DecodeLimits
from auto_voice.audio.loudness import integrated_loudness, true_peak
from auto_voice.audio.resample import resample, resample_samples
from auto_voice.audio.signal import Audio, Samples

__all__ = [
    "Audio",
    "AudioInfo",
    "DecodeLimits",
    "Samples",
    "check",
    "decode",
    "encode",
    "integrated_loudness",
    "limit_true_peak",
    "probe",
    "resample",
    "resample_samples",
    "true_peak",
    "write",
]
