"""Requests and answers of the routes about voices and recordings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask_openapi3 import FileStorage
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from auto_voice.profiles import VoiceProfile
from auto_voice.profiles.store import Order, SortKey
from auto_voice.web.forms import Form
from auto_voice.web.models.query import UserId, UserQuery

PreviewFormat = Literal["mp3", "wav"]

_PER_PAGE = 20
_MOST = 100

_Consent = Annotated[
    bool, Field(description="The statement that the person whose voice it is agrees. Some services demand it.")
]


class CloneForm(Form):
    """Recordings of one voice."""

    audio: list[FileStorage] = Field(
        validation_alias=AliasChoices("audio", "reference_audio"),
        min_length=1,
        max_length=50,
        description="Recordings of one person; 30 s or more in all. May repeat. Alias: `reference_audio`.",
    )
    user_id: UserId = None
    profile_name: str | None = Field(
        None,
        validation_alias=AliasChoices("profile_name", "name"),
        description="What the voice is called; `My voice` when not given. Alias: `name`.",
    )
    description: str = Field("", description="Anything worth remembering.")
    consent: _Consent = False
    from_song: bool = Field(False, description="The recordings are songs: their vocals are taken out first.")


class ImportForm(Form):
    """An archive made by export."""

    archive: FileStorage = Field(description="The .zip file of a voice.")
    user_id: UserId = None
    consent: _Consent = False


class ProfilePath(BaseModel):
    """Which voice."""

    profile_id: str = Field(description="A UUID.")


class PreviewQuery(UserQuery):
    """How the preview is wanted."""

    format: PreviewFormat = Field("mp3", description="Of the answer.")


class ProfilesQuery(UserQuery):
    """Which voices are listed: by `limit` and `offset`, or by `page` and `per_page`."""

    limit: int | None = Field(None, ge=1, le=_MOST, description=f"At most so many; {_MOST} when not given.")
    offset: int | None = Field(None, ge=0, le=1_000_000, description="Leave out the first so many.")
    page: int | None = Field(None, ge=1, le=1_000_000, description="Counted from 1.")
    per_page: int | None = Field(None, ge=1, le=_MOST, description=f"{_PER_PAGE} when only `page` is given.")
    sort_by: SortKey = Field("created_at", description="What they are sorted by.")
    order: Order = Field("desc", description="Ascending or descending.")

    @property
    def part(self) -> tuple[int, int] | None:
        """(limit, offset) of the part asked for; None where both ways of asking are mixed."""
        paged = self.page is not None or self.per_page is not None
        if paged and (self.limit is not None or self.offset is not None):
            return None
        if paged:
            size = self.per_page or _PER_PAGE
            return size, ((self.page or 1) - 1) * size
        return self.limit or _MOST, self.offset or 0


class UsageStats(BaseModel):
    """How much a voice was used."""

    total_conversions: int
    last_used: str | None = Field(description="ISO 8601, UTC; null: never.")


class ProfileWithUsage(VoiceProfile):
    """A voice, and how much it was used."""

    usage_stats: UsageStats


class ProfilePagination(BaseModel):
    """Which part of the list this is."""

    total: int
    limit: int
    offset: int
    has_more: bool
    page: int
    per_page: int
    total_pages: int


class ProfileList(BaseModel):
    """Voices."""

    profiles: list[VoiceProfile]
    pagination: ProfilePagination


class ProfileDeleted(BaseModel):
    """That a voice is gone."""

    status: Literal["success"] = "success"
    message: str
    profile_id: str


class ProcessingConfig(BaseModel):
    """What is to be heard in the recording."""

    model_config = ConfigDict(extra="forbid")

    enable_vad: bool = Field(default=True, description="Find where somebody speaks.")
    enable_denoising: bool = Field(
        default=False, description="Listen to the clearest channel, without what lies under 50 Hz. Hiss and music stay."
    )
    enable_pitch_extraction: bool = Field(default=True, description="Follow the melody.")


class ProcessBody(BaseModel):
    """A recording within a JSON document."""

    model_config = ConfigDict(extra="forbid")

    audio_data: str = Field(description="The recording in base64.")
    processing_config: ProcessingConfig = ProcessingConfig()


class RecordingMetadata(BaseModel):
    """What the recording is."""

    duration_seconds: float
    sample_rate: int
    channels: int
    format: str
    file_size_bytes: int
    denoising: str | None = Field(description="What was done to it before it was listened to; null: nothing.")


class SpeechSegment(BaseModel):
    """A stretch of speech."""

    start_seconds: float
    end_seconds: float
    probability: float = Field(description="Mean over the stretch, 0–1.")


class SpeechFeatures(BaseModel):
    """Where somebody speaks."""

    model: str
    resolution_seconds: float
    segments: list[SpeechSegment]
    speech_seconds: float
    speech_ratio: float = Field(description="Of the whole recording, 0–1.")


class PitchFeatures(BaseModel):
    """The melody."""

    model: str
    hop_seconds: float
    f0_hz: list[float] = Field(description="Value i is that at i × hop_seconds; 0 where there is no voice.")
    voiced_seconds: float
    voiced_ratio: float = Field(description="Of the whole recording, 0–1.")
    statistics: dict[str, Any] | None = Field(
        description="min_hz, median_hz, mean_hz, max_hz, min_note, median_note, max_note, deviation_semitones;"
        " null where there is no pitch."
    )


class Features(BaseModel):
    """What was heard; null for what was not asked for."""

    vad: SpeechFeatures | None
    pitch: PitchFeatures | None


class ProcessedAudio(BaseModel):
    """A recording's features."""

    status: Literal["success"] = "success"
    metadata: RecordingMetadata
    features: Features
