"""Requests and answers of the conversion routes."""

from __future__ import annotations

from typing import Any, Literal

from flask_openapi3 import FileStorage
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from auto_voice.jobs.job import Kind, State
from auto_voice.web.forms import Form
from auto_voice.web.models.query import UserId, UserQuery

OutputFormat = Literal["wav", "flac", "mp3", "ogg", "opus"]

_VOLUME: dict[str, JsonValue] = {"minimum": 0, "maximum": 2}


class ConvertForm(Form):
    """A song, and how it is to sound."""

    song: FileStorage = Field(
        validation_alias=AliasChoices("song", "audio"),
        description="The recording: WAV, FLAC, MP3, Ogg, Opus, M4A or WebM, judged by its content. Alias: `audio`.",
    )
    target_profile_id: str = Field(
        validation_alias=AliasChoices("target_profile_id", "profile_id"),
        description="The voice it gets. Alias: `profile_id`.",
    )
    user_id: UserId = None
    vocal_volume: float = Field(1.0, description="Linear.", json_schema_extra=_VOLUME)
    instrumental_volume: float = Field(0.9, description="Linear.", json_schema_extra=_VOLUME)
    pitch_shift_semitones: str = Field(
        "0",
        validation_alias=AliasChoices("pitch_shift_semitones", "pitch_shift"),
        description='-12 to 12, or "auto" to move the melody into the range of the voice. Alias: `pitch_shift`.',
    )
    quality_preset: str | None = Field(
        None,
        validation_alias=AliasChoices("quality_preset", "preset"),
        description="fast, balanced or quality; the configured one when not given. Alias: `preset`.",
    )
    return_stems: bool = Field(False, description="Give the converted vocals and the accompaniment, too.")
    use_cache: bool = Field(True, description="Use what is kept of an earlier conversion of the same song.")
    output_format: OutputFormat = Field("wav", description="Format of every file of the result.")


class ConvertHeaders(BaseModel):
    """Headers of a request that makes a job."""

    idempotency_key: str | None = Field(
        None,
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="The same key with the same request gives the same job, however often it is sent.",
    )


class ConversionAccepted(BaseModel):
    """The job that was made, and where to ask for it."""

    conversion_id: str
    status: State = Field(description='"queued"; another one where an Idempotency-Key found an earlier job')
    message: str
    created_at: str
    estimated_time_seconds: float = Field(description="Until it is done, waiting included.")
    status_url: str
    progress_url: str
    websocket_url: str


class JobPath(BaseModel):
    """Which job."""

    conversion_id: str = Field(description="As the answer of the request that made it says: `conv-…`.")


class JobFilePath(JobPath):
    """Which file of which job."""

    file: str = Field(description="A name of the job's result, as `converted.wav`.")


class JobsQuery(UserQuery):
    """Which jobs are listed, the newest first."""

    status: list[State] = Field([], description="Only those; may be given several times.")
    kind: list[Kind] = Field([], description="Only those; may be given several times.")
    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=1_000_000)


class StageDetails(BaseModel):
    """The stage a job is in."""

    stage: int = Field(description="From 1.")
    total_stages: int
    stage_name: str
    stage_progress: int = Field(description="Percent of the stage.", ge=0, le=100)


class Stems(BaseModel):
    """Parts of the converted song; only with `return_stems`."""

    vocals_url: str | None = None
    instrumental_url: str | None = None


class ResultFile(BaseModel):
    """A file that can be fetched."""

    name: str
    url: str
    size: int = Field(description="Bytes.")
    sha256: str
    mime: str


class JobResult(BaseModel):
    """What a job made."""

    converted_audio_url: str | None
    stems: Stems | None
    metadata: dict[str, Any] = Field(
        description="original_duration_seconds, converted_duration_seconds, sample_rate, format, and how it was made."
    )
    quality_metrics: dict[str, Any] | None
    stage_seconds: dict[str, float]
    files: list[ResultFile]
    files_expired: bool = Field(description="The files were kept for a while and are gone now.")


class JobError(BaseModel):
    """Why a job failed."""

    model_config = ConfigDict(extra="allow")

    code: str
    message: str
    details: dict[str, Any] = {}


class JobStatus(BaseModel):
    """How a job stands. Fields of a state that it is not in are left out."""

    conversion_id: str
    kind: Kind
    status: State
    progress: int = Field(description="Percent.", ge=0, le=100)
    current_stage: str | None
    stage_details: StageDetails | None
    created_at: str
    started_at: str | None
    estimated_time_remaining_seconds: float
    queue_position: int | None = Field(description="1: the next one. Null: it does not wait.")
    completed_at: str | None = None
    failed_at: str | None = None
    cancelled_at: str | None = None
    processing_time_seconds: float | None = None
    result: JobResult | None = None
    warnings: list[str] | None = None
    error: JobError | None = None


class ListedJob(JobStatus):
    """A job in a list: its status, and what it was asked for."""

    target_profile_id: str | None
    song_name: str | None


class Pagination(BaseModel):
    """Which part of a list this is."""

    total: int
    limit: int
    offset: int
    has_more: bool


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[ListedJob]
    pagination: Pagination


class QueueStatus(BaseModel):
    """How busy the service is, over all users."""

    depth: int = Field(description="Conversions and long texts that wait.")
    running: int = Field(description="Of those, the ones that are worked on.")
    capacity: int = Field(description="How many may wait.")
    concurrent_conversions: int = Field(description="How many may be worked on at a time.")
    interactive_depth: int = Field(description="Short work that somebody holds the line for, and that waits.")
    interactive_running: int = Field(description="Of that, what is worked on.")
    workers: int = Field(description="Workers that are alive.")
    estimated_wait_seconds: float = Field(description="Until a conversion handed in now would begin.")
