"""Cloned voices: what is known of each, kept on disk."""

from auto_voice.profiles.profile import (
    AdaptationInfo,
    AudioInfo,
    Consent,
    EmbeddingInfo,
    QualityMetrics,
    StoredState,
    VocalRange,
    VoiceProfile,
)
from auto_voice.profiles.store import ProfileStore

__all__ = [
    "AdaptationInfo",
    "AudioInfo",
    "Consent",
    "EmbeddingInfo",
    "ProfileStore",
    "QualityMetrics",
    "StoredState",
    "VocalRange",
    "VoiceProfile",
]
