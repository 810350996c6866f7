"""A voice profile as the public API shows it and as it lies on disk, in one JSON document."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from auto_voice.errors import InvalidParametersError
from auto_voice.storage.paths import is_profile_id

SCHEMA_VERSION: Literal[1] = 1
DEFAULT_NAME = "My voice"
MAXIMUM_NAME = 100
MAXIMUM_DESCRIPTION = 1000

# Characters that turn the reading direction: a name holding one could pass for another on a screen.
_DIRECTION = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(text: str, what: str, *, longest: int, shortest: int = 1, lines: bool = False) -> str:
    """A name or description in any script, composed (NFC) and without outer spaces.

    Args:
        text: as it came from outside.
        what: names the field in the error.
        longest: most characters.
        shortest: fewest characters.
        lines: line breaks are allowed.

    Raises:
        InvalidParametersError: too long, empty, or with control characters.
    """
    if not isinstance(text, str):
        raise InvalidParametersError(f"{what} must be text")
    # Composing never shortens a text to less than a third: a huge one is refused before it costs anything.
    if len(text) > 4 * longest:
        raise InvalidParametersError(f"{what} is longer than {longest} characters")
    composed = unicodedata.normalize("NFC", text).strip()
    for character in composed:
        allowed = lines and character in "\n\t"
        if not allowed and (unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _DIRECTION):
            raise InvalidParametersError(f"{what} holds a control character (U+{ord(character):04X})")
    if not shortest <= len(composed) <= longest:
        raise InvalidParametersError(f"{what} must have {shortest} to {longest} characters, not {len(composed)}")
    return composed


def clean_user_id(text: str) -> str:
    """A user id, checked. Raises InvalidParametersError."""
    return clean_text(text, "user_id", longest=MAXIMUM_NAME)


def clean_name(text: str) -> str:
    """A profile's name, checked. Raises InvalidParametersError."""
    return clean_text(text, "profile_name", longest=MAXIMUM_NAME)


def clean_description(text: str) -> str:
    """A profile's description, checked; may be empty. Raises InvalidParametersError."""
    return clean_text(text, "description", longest=MAXIMUM_DESCRIPTION, shortest=0, lines=True)


def _id(text: str) -> str:
    if not is_profile_id(text):
        raise ValueError("must be a UUID in lower case")
    return text


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("must name its time zone")
    return moment.astimezone(timezone.utc)


Seconds = Annotated[float, Field(ge=0)]
Hertz = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Cosine = Annotated[float, Field(ge=-1, le=1)]
Opinion = Annotated[float, Field(ge=1, le=5)]


class _Part(BaseModel):
    """A part of a profile: no unknown keys, no NaN, never changed after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AudioInfo(_Part):
    """The recordings as they were handed in.

    Attributes:
        duration_seconds: of all recordings together.
        sample_rate: Hz, of the first.
        channels: of the first.
        format: of the first, as `probe` names it; "array" for sound from memory.
        file_size_bytes: of all together.
        recordings: how many there were.
        reference_seconds: length of the cleaned recording kept with the profile.
    """

    duration_seconds: Seconds
    sample_rate: Annotated[int, Field(gt=0)]
    channels: Annotated[int, Field(gt=0)]
    format: str
    file_size_bytes: Annotated[int, Field(ge=0)]
    recordings: Annotated[int, Field(gt=0)] = 1
    reference_seconds: Seconds


class VocalRange(_Part):
    """Where the voice moves: 5th to 95th percentile of its F0, with note names (A4 = 440 Hz)."""

    min_pitch_hz: Hertz
    max_pitch_hz: Hertz
    median_pitch_hz: Hertz
    min_note: str
    max_note: str
    range_semitones: Annotated[float, Field(ge=0)]


class QualityMetrics(_Part):
    """How good the recording is.

    Attributes:
        snr_db: voice over noise.
        quality_score: 0-1; `inference.recordings.quality.score` says what goes in.
        clipping_ratio: share of the voice's samples cut off at full scale.
        bandwidth_hz: where the voice's spectrum ends.
        voice_seconds: speech or singing in all recordings together.
        voice_consistency: lowest cosine between two parts of the recording; low when several people speak.
        warnings: sentences for the user, each with its remedy.
    """

    snr_db: float
    quality_score: Share
    clipping_ratio: Share
    bandwidth_hz: Hertz
    voice_seconds: Seconds
    voice_consistency: Cosine | None = None
    warnings: tuple[str, ...] = ()


class EmbeddingInfo(_Part):
    """The speaker embedding: its encoder, its length, and how alike the recording's two halves are.

    The likeness of the halves is the ceiling of what any copy of the voice can reach.
    """

    model: str
    dimensions: Annotated[int, Field(gt=0)]
    split_half_similarity: Cosine | None = None


class StoredState(_Part):
    """A converter's file beside the profile."""

    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class AdaptationInfo(_Part):
    """How a converter was fitted to the voice, beyond what it learnt of it at once.

    Attributes:
        converter: whose state in `voice_states` it is.
        kept: whether the fitted voice is used; if not, it scored no better than the one it started from.
        similarity_before, similarity_after: cosine between the speaker embeddings of sentences that the voice reads
            and of a part of the recording that it was not fitted to, where that is long enough to be parted.
        naturalness_before, naturalness_after: mean opinion score of the sentences, 1 to 5.
        steps: of gradient descent.
        seconds: that it took.
        adapted_at: when.
    """

    converter: str
    kept: bool
    similarity_before: Cosine
    similarity_after: Cosine
    naturalness_before: Opinion
    naturalness_after: Opinion
    steps: Annotated[int, Field(ge=0)]
    seconds: Seconds
    adapted_at: Annotated[datetime, AfterValidator(_utc)] = Field(default_factory=lambda: datetime.now(timezone.utc))


class Consent(_Part):
    """The statement that the person whose voice it is agrees, as it was made; nothing in here proves it.

    Attributes:
        confirmed_by: the user who made the statement.
        confirmed_at: when.
        sample_sha256: what it was made about: `sample_hash` of the recordings, each hashed as it was handed in.
    """

    confirmed_by: Annotated[str, AfterValidator(clean_user_id)]
    confirmed_at: Annotated[datetime, AfterValidator(_utc)]
    sample_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def sample_hash(sha256s: Sequence[str]) -> str:
    """One SHA-256, hexadecimal, for the recordings of a voice.

    Of one recording its own; of several that of their hexadecimal hashes, lower case, in their order, joined
    without anything between them.
    """
    return sha256s[0] if len(sha256s) == 1 else hashlib.sha256("".join(sha256s).encode()).hexdigest()


class VoiceProfile(_Part):
    """Everything known of a cloned voice but the sound itself.

    `voice_states` names, per converter, the file of what it learnt of the voice. `adaptation` is missing where none
    was fitted to it, `consent` where nobody was asked.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    profile_id: Annotated[str, AfterValidator(_id)] = Field(default_factory=lambda: str(uuid.uuid4()))
    user_id: Annotated[str, AfterValidator(clean_user_id)]
    profile_name: Annotated[str, AfterValidator(clean_name)]
    description: Annotated[str, AfterValidator(clean_description)] = ""
    created_at: Annotated[datetime, AfterValidator(_utc)] = Field(default_factory=lambda: datetime.now(timezone.utc))
    audio_info: AudioInfo
    vocal_range: VocalRange
    quality_metrics: QualityMetrics
    embedding_info: EmbeddingInfo
    voice_states: dict[str, StoredState] = Field(default_factory=dict)
    adaptation: AdaptationInfo | None = None
    consent: Consent | None = None
