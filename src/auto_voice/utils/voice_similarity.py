"""How much a conversion sounds like the voice it was meant for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auto_voice.audio import Audio
from auto_voice.errors import InputError
from auto_voice.utils.speaker import ENCODER, Embedding, SpeakerEncoder, similarity


@dataclass(frozen=True, kw_only=True)
class SpeakerSimilarity:
    """Likeness to the target voice. A field is null where it can't be told; `reason` says why.

    Attributes:
        cosine_similarity: cosine of the conversion's and the target's embedding; strangers have about 0.6.
        embedding_distance: Euclidean distance of the same two points of the unit sphere; 0 is identical.
        encoder: the network that made them; figures of different encoders can't be compared.
        ceiling: cosine of the two halves of the target's own recording: more can't be hoped for.
        original_similarity: cosine of the original singer and the target: where the conversion began.
    """

    cosine_similarity: float | None = None
    embedding_distance: float | None = None
    encoder: str = ENCODER
    ceiling: float | None = None
    original_similarity: float | None = None
    reason: str | None = None


def compare_voices(
    encoder: SpeakerEncoder,
    original: Audio,
    converted: Audio | Embedding,
    target: Embedding | None,
    target_audio: Audio | None,
) -> SpeakerSimilarity:
    """Measure a conversion against its target: an embedding, a recording of the voice, or both.

    Raises:
        InputError: no voice can be heard in the conversion or in the target.
        ModelLoadError: the encoder isn't installed.
    """
    if target is None:
        if target_audio is None:
            return SpeakerSimilarity(reason="no target voice was given")
        target = encoder.embed(target_audio)
    voice = encoder.embed(converted) if isinstance(converted, Audio) else converted
    reasons = []
    ceiling = original_similarity = None
    if target_audio is None:
        reasons.append("ceiling: no recording of the target was given")
    else:
        try:
            ceiling = encoder.split_half_similarity(target_audio)
        except InputError as error:
            reasons.append(f"ceiling: {error.message}")
    try:
        original_similarity = similarity(encoder.embed(original), target)
    except InputError as error:
        reasons.append(f"original_similarity: {error.message}")
    return SpeakerSimilarity(
        cosine_similarity=similarity(voice, target),
        embedding_distance=float(np.linalg.norm(voice - target)),
        ceiling=ceiling,
        original_similarity=original_similarity,
        reason="; ".join(reasons) or None,
    )
