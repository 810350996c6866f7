"""Requests and answers of the speech routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from auto_voice.audio.streaming import StreamFormat

Speed = Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False, description="1 is the voice's own.")]
Pitch = Annotated[float, Field(ge=-12, le=12, allow_inf_nan=False, description="Semitones.")]
VoiceName = Annotated[str, Field(min_length=1, max_length=1000)]

_VOICE = "A stock voice, several mixed (`af_heart+am_adam`), or the id or name of one of your profiles."


class _Body(BaseModel):
    """JSON as it was sent: a text is no number, and what is not known is left alone."""

    model_config = ConfigDict(strict=True, extra="ignore", populate_by_name=True)


class VoiceId(_Body):
    """A voice by its id, as OpenAI's clients name voices of one's own."""

    id: VoiceName


class SpeechBody(_Body):
    """A text to be spoken at once, in the shape of OpenAI's API."""

    input: str = Field(min_length=1, max_length=4096, description="English, plain or in light Markdown.")
    model: str = Field(
        description="One of those that `GET /v1/models` lists; they all speak alike.", min_length=1, max_length=200
    )
    voice: VoiceName | VoiceId = Field(description=f"{_VOICE} OpenAI's names (`alloy`, ...) mean stock voices.")
    response_format: StreamFormat = Field("mp3", description="pcm: 16-bit little-endian, mono, 24 kHz.")
    speed: Speed = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = Field(None, description="Accepted for clients that send it; not followed.")


class VoiceConfig(_Body):
    """How a voice speaks."""

    speed: Speed | None = None
    pitch: Pitch = 0.0
    temperature: float | None = Field(
        None,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="Accepted for clients that send it; nothing is left to chance.",
    )


class SynthesizeBody(_Body):
    """A text to be answered as sound in JSON."""

    text: str = Field(min_length=1, max_length=5000, description="English, plain or in light Markdown.")
    speaker_id: VoiceName | None = Field(
        None,
        validation_alias=AliasChoices("speaker_id", "voice", "profile_id"),
        description=f"{_VOICE} The configured one when not given. Aliases: `voice`, `profile_id`.",
    )
    voice_config: VoiceConfig = Field(default_factory=lambda: VoiceConfig.model_validate({}))


class SynthesisMetadata(BaseModel):
    """What was spoken, and how."""

    text_length: int = Field(description="Characters.")
    speaker_id: str
    voice_config: VoiceConfig = Field(description="As it was followed.")
    warnings: list[str] = Field(description="What was left out or could not be spoken as it should be.")


class Synthesis(BaseModel):
    """A text, spoken."""

    status: Literal["success"]
    audio: str = Field(description="A WAV file, base64.")
    format: Literal["wav"]
    sample_rate: int = Field(description="Hz.")
    duration: float = Field(description="Seconds.")
    metadata: SynthesisMetadata


class SpeechJobBody(_Body):
    """A long text to be spoken into a file."""

    text: str = Field(
        min_length=1, description="English, plain or in light Markdown; at most `limits.max_text_characters`."
    )
    voice: VoiceName | None = Field(None, description=f"{_VOICE} The configured one when not given.")
    speed: Speed | None = Field(None, description="0.25 to 4; the configured one when not given.")
    pitch: Pitch = 0.0
    format: StreamFormat = "mp3"
    user_id: str | None = Field(
        None, min_length=1, max_length=100, description="Whose; only where no keys are needed, or for admins."
    )


class Model(BaseModel):
    """A name under which speech may be asked for."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="Epoch seconds: when the service was started.")
    owned_by: str = "autovoice"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


class ModelPath(BaseModel):
    """Which model."""

    model: str


class SpeechVoice(BaseModel):
    """A voice to ask for."""

    id: str = Field(description="What to give as `voice`.")
    name: str
    type: Literal["stock", "cloned"]
    language: str | None = Field(description="A stock voice's accent; it reads English. Null for a cloned voice.")
    gender: str | None = Field(description="Null for a cloned voice.")


class VoiceList(BaseModel):
    """The stock voices, then one's own."""

    voices: list[SpeechVoice]
    aliases: dict[str, str] = Field(description="OpenAI's names, and the stock voices that speak for them.")
