"""Every setting, declared once: type, range, default, unit and meaning; docs/configuration.md is made of it.

The defaults are those of a private installation on one's own machine; config/production.yaml is a server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from auto_voice.config.fields import File, Folder, Number, Section, Switch, Whole, not_empty, setting

PresetName = Literal["fast", "balanced", "quality"]
MimeType = Literal["audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4", "audio/webm"]


class Server(Section):
    """The web service."""

    host: str = setting(
        "Address to listen on. Any but a loopback address needs `security.api_key_required`.",
        "127.0.0.1",
        min_length=1,
    )
    port: Whole = setting("Port to listen on.", 5000, ge=1, le=65535)
    workers: Whole = setting("Web processes. They only talk; the models run in workers of their own.", 1, ge=1, le=256)
    threads: Whole = setting(
        "Requests that one web process answers at the same time; half of them may wait for a worker: to speak, to clone"
        " a voice, to analyse a recording.",
        32,
        ge=1,
        le=1024,
    )
    max_websockets: Whole = setting(
        "WebSockets open in one web process; they have threads of their own, so that requests never wait for them.",
        200,
        ge=0,
        le=4096,
    )
    timeout: Whole = setting("Longest time a request may take.", 300, unit="seconds", ge=1, le=86400)
    shutdown_timeout: Whole = setting(
        "Time that a running stage has to end when the service stops; after it the job starts that stage again.",
        60,
        unit="seconds",
        ge=1,
        le=3600,
    )
    debug: Switch = setting("Tracebacks in answers. For development only.", False)
    trusted_proxies: Whole = setting(
        "Reverse proxies in front, whose `X-Forwarded-For` is believed; 0 where clients connect directly.",
        0,
        ge=0,
        le=16,
    )


class Gpu(Section):
    """Where the models run."""

    device: Literal["auto", "cuda", "cpu"] = setting("`auto` takes the GPU where there is one.", "auto")
    device_id: Whole = setting("Which GPU, counted as CUDA does.", 0, ge=0, le=63)
    allow_fallback: Switch = setting(
        "Go on without the GPU when it is missing or out of memory; the result says so. Off: an error.",
        True,
    )
    max_batch_size: Whole = setting("Most pieces a model works on at once; less takes less memory.", 16, ge=1, le=1024)
    enable_tensorrt: Switch = setting("Use TensorRT engines where they have been built.", False)
    mixed_precision: Switch = setting("16-bit arithmetic on the GPU: half the memory.", True)
    cuda_graphs: Switch = setting(
        "Record repeated GPU work once and replay it. Nothing does yet: phrases differ in length.", False
    )
    pin_memory: Switch = setting("Page-locked memory for transfers to the GPU. Nothing uses it yet.", True)


def _below_data_dir(name: str, meaning: str) -> Any:
    """A folder setting whose default lies in storage.data_dir."""
    return setting(meaning, default_factory=lambda given: given["data_dir"] / name, shown=f"`{{data_dir}}/{name}`")


class Storage(Section):
    """Folders and the room they may take."""

    data_dir: Folder = setting(
        "The folder of everything AutoVoice keeps; the base of the folders below where they are not given.",
        default_factory=lambda: platformdirs.user_data_path("autovoice"),
        shown="the user's data folder (`~/.local/share/autovoice` on Linux)",
    )
    voice_profiles_dir: Folder = _below_data_dir("voice_profiles", "Voice profiles.")
    cache_dir: Folder = _below_data_dir("cache", "Separated songs and other results that can be made again.")
    temp_dir: Folder = _below_data_dir("temp", "Work in progress.")
    models_dir: Folder = _below_data_dir("models", "Installed model weights.")
    conversions_dir: Folder = _below_data_dir("conversions", "Finished conversions.")
    max_conversions_size_gb: Number = setting(
        "Size of the finished conversions that the service keeps; beyond it the oldest go.",
        20.0,
        unit="GiB",
        gt=0,
        le=1_000_000,
    )
    max_cache_size_gb: Number = setting(
        "Size of the cache; beyond it the entries not used for longest go. 0 switches the cache off."
        " Also accepted as `cache.max_cache_size_gb`.",
        20.0,
        unit="GiB",
        ge=0,
        le=1_000_000,
    )


class Preset(Section):
    """The engines of a conversion and how hard they work."""

    separation_model: str = setting(
        "Separator. Where its weights are not installed, the embedded one serves.", min_length=1
    )
    separation_shifts: Whole = setting(
        "Time-shifted passes that are averaged; each costs a whole separation. Used by the htdemucs models.",
        ge=0,
        le=20,
    )
    vocoder_quality: Literal["medium", "high", "highest"] = setting(
        "How finely the converted voice is made: `highest` sings twice, the second time closer to the melody."
    )
    pitch_engine: str = setting("Pitch extractor.", "swiftf0", min_length=1)
    converter: str = setting("Voice converter; docs/converters.md compares them.", "neural", min_length=1)


class Presets(Section):
    """The three presets. A preset given in part keeps its other values."""

    fast: Preset = Preset(
        separation_model="htdemucs", separation_shifts=1, vocoder_quality="medium", converter="retrieval"
    )
    balanced: Preset = Preset(separation_model="htdemucs_ft", separation_shifts=2, vocoder_quality="high")
    quality: Preset = Preset(separation_model="htdemucs_ft", separation_shifts=3, vocoder_quality="highest")

    @field_validator("fast", "balanced", "quality", mode="before")
    @classmethod
    def _complete(cls, given: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[str(info.field_name)].default
        return {**default.model_dump(), **given} if isinstance(given, Mapping) else given

    def __getitem__(self, name: str) -> Preset:
        """The preset of that name. Raises KeyError for any other name."""
        if name not in type(self).model_fields:
            raise KeyError(name)
        preset: Preset = getattr(self, name)
        return preset


class Quality(Section):
    """Quality against time."""

    default_preset: PresetName = setting("The preset of a request that names none.", "balanced")
    allow_fast_preset: Switch = setting("Users may ask for the fast preset.", True)
    allow_quality_preset: Switch = setting("Users may ask for the quality preset.", True)
    presets: Presets = Presets()


class Limits(Section):
    """What a user may ask for."""

    max_audio_size_mb: Whole = setting("Largest audio file.", 100, unit="MiB", ge=1, le=100_000)
    max_profile_duration_s: Number = setting(
        "Longest recording of a voice, all samples together.", 120.0, unit="seconds", gt=0, le=3600
    )
    min_profile_duration_s: Number = setting(
        "Shortest recording of a voice, all samples together.", 30.0, unit="seconds", gt=0, le=3600
    )
    max_song_duration_s: Number = setting("Longest song.", 600.0, unit="seconds", gt=0, le=86400)
    accepted_mime_types: Annotated[tuple[MimeType, ...], AfterValidator(not_empty)] = setting(
        "Audio that is accepted, judged by content, never by file name; aliases count as their type.",
        ("audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4", "audio/webm"),
    )
    concurrent_conversions: Whole = setting("Conversions at the same time.", 5, ge=1, le=1000)
    max_text_characters: Whole = setting(
        "Longest text of a speech job; what is spoken at once takes 5,000.",
        100_000,
        unit="characters",
        ge=1,
        le=1_000_000,
    )
    requests_per_hour: Whole = setting("Requests of one client.", 100, unit="requests per hour", ge=1)
    conversions_per_hour: Whole = setting("Conversions that one client may start.", 20, unit="requests per hour", ge=1)
    clones_per_hour: Whole = setting("Voices that one client may clone.", 10, unit="requests per hour", ge=1)
    queue_enabled: Switch = setting("Let conversions wait when all places are taken; off: they are refused.", True)
    max_queue_size: Whole = setting("Conversions that may wait.", 100, ge=1, le=1_000_000)
    worker_threads: Whole = setting(
        "Size of the worker pool where the models run on the CPU: processes, each with one conversion at a time."
        " On GPUs there is one process for each.",
        1,
        ge=1,
        le=1024,
    )


class Cache(Section):
    """How long results that can be made again are kept."""

    separation_ttl_hours: Number = setting(
        "Separated songs, with their pitch and content.", 24.0, unit="hours", gt=0, le=1_000_000
    )
    conversion_ttl_hours: Number = setting(
        "Converted vocals and finished conversions.", 24.0, unit="hours", gt=0, le=1_000_000
    )
    voice_profile_ttl_days: Number = setting(
        "Voice profiles that nobody uses, in the service.", 90.0, unit="days", gt=0, le=100_000
    )
    cleanup_interval_hours: Number = setting(
        "How often the service removes what has expired.", 6.0, unit="hours", gt=0, le=8760
    )
    prewarm_models: Switch = setting(
        "Load the default preset's models at start instead of at the first request.", False
    )
    cache_intermediate_results: Switch = setting(
        "Keep separation, pitch and content, so that another voice for the same song takes less time.", True
    )


class Logging(Section):
    """The log."""

    config_file: File | None = setting(
        "A file for Python's `logging.config.dictConfig`, as `config/logging.yaml` is one; it replaces the settings"
        " below.",
        None,
    )
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = setting(
        "Least important message that is kept.", "INFO"
    )
    format: Literal["json", "text"] = setting("One JSON object a line, or text for people.", "text")
    file: File | None = setting("Log file; none: the console only.", None)
    max_bytes: Whole = setting("Size at which a new log file is begun.", 104857600, unit="bytes", ge=1024)
    backup_count: Whole = setting("Old log files that are kept.", 10, ge=0, le=10_000)


class Monitoring(Section):
    """What the service tells monitoring."""

    prometheus_enabled: Switch = setting("Serve `/metrics`.", True)
    prometheus_port: Whole | None = setting(
        "A second port for `/metrics`; none: the main port only.", None, ge=1, le=65535
    )
    health_check_interval: Whole = setting(
        "How often a worker reports that it is alive.", 60, unit="seconds", ge=1, le=3600
    )


class Security(Section):
    """Who may do what."""

    api_key_required: Switch = setting(
        "Requests need an API key. Off on a reachable address is refused, but for `allow_insecure`.",
        False,
        shown="off on a loopback address, on where others can reach the server",
    )
    allow_insecure: Switch = setting("Listen on a non-loopback address although no API key is needed.", False)
    require_consent: Switch = setting(
        "The service clones a voice only with the statement that its owner agrees (`consent=true`).",
        False,
        shown="off on a loopback address, on where others can reach the server",
    )
    rate_limiting_enabled: Switch = setting("Count requests and refuse those over the limits.", True)
    rate_limit_storage: str | None = setting(
        "Where requests are counted: `memory://` (right for one web process) or `redis://host:port/db`."
        " None: `REDIS_URL` where that is set, else memory.",
        None,
        pattern=r"^(memory://|(rediss?|redis\+\w+|unix)://\S+)$",
        secret=True,
    )
    allowed_origins: tuple[Annotated[str, Field(pattern=r"^(\*|https?://[^\s/]+)$")], ...] = setting(
        'Web pages of other origins that may call the API, as `https://host`; `"*"` for any.', ()
    )


class Database(Section):
    """Where jobs, users and keys are kept."""

    url: str | None = setting(
        "SQLAlchemy's form: `sqlite:////folder/file.db` or `postgresql+pg8000://user:password@host/name`.",
        None,
        shown="SQLite, `{data_dir}/autovoice.db`",
        pattern=r"^(sqlite:///|postgresql\+\w+://)\S+$",
        secret=True,
    )


class Jobs(Section):
    """How work is handed out and taken back."""

    lease_seconds: Number = setting(
        "A worker that has not been heard of for so long is given up, and its job is handed out again.",
        30.0,
        unit="seconds",
        ge=1,
        le=3600,
    )
    max_attempts: Whole = setting("How often a job may lose its worker before it counts as failed.", 3, ge=1, le=100)
    stall_seconds: Number = setting(
        "A stage that shows no progress for so long counts as hung: its worker is restarted.",
        900.0,
        unit="seconds",
        ge=10,
        le=86400,
    )
    history_days: Number = setting("How long ended jobs stay listed.", 90.0, unit="days", gt=0, le=100_000)


class Models(Section):
    """Model weights: where they may also be found, and how long they stay loaded."""

    sources_dir: Folder | None = setting("A folder that is looked into for a model's files before the network.", None)
    idle_unload_seconds: Number = setting(
        "A model not used for so long is unloaded.", 600.0, unit="seconds", gt=0, le=1_000_000
    )


class Conversion(Section):
    """The neural converter, and voices that are adapted to their recordings (`clone --adapt`, `profiles adapt`)."""

    recognise_words: Switch = setting(
        "Recognise the words of English singing and speech, and say them more clearly. Takes longer.", True
    )

    likeness: Number = setting(
        "How far an adapted voice goes from the one it started from: 1 is most alike, less is smoother.",
        0.85,
        ge=0,
        le=1,
    )
    adaptation_seconds: Number = setting(
        "Longest time of the fitting itself; a minute of listening and scoring comes with it.",
        210.0,
        unit="seconds",
        gt=0,
        le=86400,
    )


class Tts(Section):
    """Speech from text."""

    engine: str = setting("Synthesizer.", "kokoro", min_length=1)
    voice: str = setting(
        "The voice of a request that names none: a stock voice or a profile id.", "af_heart", min_length=1
    )
    speed: Number = setting("Speaking rate; 1 is the voice's own.", 1.0, ge=0.25, le=4)
