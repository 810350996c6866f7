"""Cloned voices: what is known of each, kept on disk."""

from auto_voice.profiles.profile import (
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
    "AudioInfo",
    "Consent",
    "EmbeddingInfo",
    "ProfileStore",
    "QualityMetrics",
    "StoredState",
    "VocalRange",
    "VoiceProfile",
]
