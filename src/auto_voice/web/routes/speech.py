"""Text to speech: at once, as OpenAI's API has it or in JSON; long texts as jobs; the voices there are."""

from __future__ import annotations

import base64
import time

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag

from auto_voice.audio.streaming import STREAM_TYPES
from auto_voice.errors import InvalidParametersError, NotFoundError, ProfileNotFoundError
from auto_voice.jobs.job import NewJob
from auto_voice.monitoring.context import current_request_id
from auto_voice.web import streams
from auto_voice.web.caller import owner_for
from auto_voice.web.limits import limited
from auto_voice.web.models.conversion import ConversionAccepted, ConvertHeaders
from auto_voice.web.models.speech import (
    Model,
    ModelList,
    ModelPath,
    SpeechBody,
    SpeechJobBody,
    SpeechVoice,
    Synthesis,
    SynthesizeBody,
    VoiceId,
    VoiceList,
)
from auto_voice.web.responses import ERRORS, errors
from auto_voice.web.services import services
from auto_voice.web.submission import accepted, submit
from auto_voice.web.voices import OPENAI_VOICES, cloned_voices, speaker, stock_voices

OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
"""Clients ask for these; whichever it is, the configured engine speaks."""

_STARTED = int(time.time())
_BYTES_PER_CHARACTER = 12
"""Of JSON at most: two escaped UTF-16 halves."""
_OTHER_BYTES = 1 << 16
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_SPOKEN = {
    "description": "The speech, sent as it is made.",
    "content": {**{each.partition(";")[0]: _BINARY for each in STREAM_TYPES.values()}, "text/event-stream": _BINARY},
}

blueprint = APIBlueprint("speech", __name__, abp_tags=[Tag(name="Speech")])


@blueprint.before_request
def _limit_body() -> None:
    """No more is read than the longest text takes."""
    request.max_content_length = services().settings.limits.max_text_characters * _BYTES_PER_CHARACTER + _OTHER_BYTES


@blueprint.post("/v1/audio/speech", responses={200: _SPOKEN, **errors(409, 413, 422)})
def create_speech(body: SpeechBody) -> Response:
    """Speak a text; the shape is that of OpenAI's API, so its clients can be used."""
    if body.model not in _models():
        raise InvalidParametersError(
            f"There is no model {body.model[:50]!r}.", suggestions=[f"Choose one of {', '.join(_models())}."]
        )
    name = body.voice.id if isinstance(body.voice, VoiceId) else body.voice
    job = streams.begin(body.input, speaker(name), body.speed, body.response_format)
    return streams.streamed_events(job) if body.stream_format == "sse" else streams.streamed(job)


@blueprint.post("/api/v1/synthesize", responses={200: Synthesis, **errors(409, 413, 422)})
def synthesize(body: SynthesizeBody) -> Response:
    """Speak a text and answer with the whole of it, in JSON."""
    wanted = body.voice_config
    speed = services().settings.tts.speed if wanted.speed is None else wanted.speed
    who = speaker(body.speaker_id)
    job = streams.spoken(streams.begin(body.text, who, speed, "wav", wanted.pitch))
    result = job.result or {}
    audio = services().paths.attempt_dir(job.job_id, job.attempt) / "speech.wav"
    return jsonify(
        {
            "status": "success",
            "audio": base64.b64encode(audio.read_bytes()).decode("ascii"),
            "format": "wav",
            "sample_rate": result["metadata"]["sample_rate"],
            "duration": result["metadata"]["duration_seconds"],
            "metadata": {
                "text_length": len(body.text),
                "speaker_id": who.voice,
                "voice_config": {"speed": speed, "pitch": wanted.pitch, "temperature": None},
                "warnings": result["warnings"],
            },
        }
    )


@blueprint.post("/api/v1/speech/jobs", responses={202: ConversionAccepted, **errors(409, 413)})
@limited("conversions")
def create_speech_job(body: SpeechJobBody, header: ConvertHeaders) -> tuple[Response, int]:
    """Hand in a long text to be spoken into a file; a job does it, which is watched and fetched as a conversion is."""
    here = services()
    longest = here.settings.limits.max_text_characters
    if len(body.text) > longest:
        raise InvalidParametersError(
            f"The text has {len(body.text):,} characters; at most {longest:,} are taken.",
            suggestions=["Hand it in in parts."],
        )
    who = speaker(body.voice, body.user_id)
    speed = here.settings.tts.speed if body.speed is None else body.speed
    new = NewJob(
        kind="speech",
        owner=owner_for(body.user_id, ProfileNotFoundError()),
        parameters={
            "text": body.text,
            "voice": who.voice,
            "speed": speed,
            "pitch": body.pitch,
            "format": body.format,
        },
        profile_id=who.profile_id,
        work_seconds=streams.expected_seconds(body.text, speed),
        request_id=current_request_id(),
    )
    return accepted(submit(new, header.idempotency_key), "The text was received and waits to be spoken.")


@blueprint.get("/v1/audio/voices", responses={200: VoiceList, **ERRORS})
def list_voices() -> Response:
    """The voices to choose from: the stock voices, then one's own."""
    stock = stock_voices()
    names = {each["name"] for each in stock}
    voices = [
        SpeechVoice(id=each["name"], name=each["name"], type="stock", language=each["language"], gender=each["gender"])
        for each in stock
    ]
    voices += [
        SpeechVoice(id=each.profile_id, name=each.profile_name, type="cloned", language=None, gender=None)
        for each in cloned_voices()
    ]
    aliases = {alias: name for alias, name in OPENAI_VOICES.items() if name in names}
    return jsonify(VoiceList(voices=voices, aliases=aliases).model_dump())


@blueprint.get("/v1/models", responses={200: ModelList, **ERRORS})
def list_models() -> Response:
    """The names that `model` may have."""
    return jsonify(ModelList(data=[_model(name) for name in _models()]).model_dump())


@blueprint.get("/v1/models/<model>", responses={200: Model, **ERRORS})
def get_model(path: ModelPath) -> Response:
    """One of them."""
    if path.model not in _models():
        raise NotFoundError("There is no such model.", suggestions=[f"There are {', '.join(_models())}."])
    return jsonify(_model(path.model).model_dump())


def _models() -> list[str]:
    return [*OPENAI_MODELS, services().settings.tts.engine]


def _model(name: str) -> Model:
    return Model(id=name, created=_STARTED)
