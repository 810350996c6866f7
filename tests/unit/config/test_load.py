"""Files are merged left to right, key by key; variables win; every value knows where it came from."""

# ruff: noqa: E501 - one case a line reads better

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from auto_voice.config import Settings, load_settings, load_with_origins

REPOSITORY = Path(__file__).parents[3]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str, name: str = "settings.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return to_file


def test_without_a_file_only_this_machine_is_served() -> None:
    settings = load_settings(environment={})

    assert settings.server.host == "127.0.0.1"
    assert settings.security.api_key_required is False
    assert settings.gpu.device == "auto"
    assert settings.security.rate_limit_storage is None


def test_data_lies_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    storage = load_settings(environment={}).storage

    assert storage.data_dir == Path("/somewhere/autovoice")
    assert storage.voice_profiles_dir == Path("/somewhere/autovoice/voice_profiles")


def test_data_dir_is_the_base_of_folders_not_given(write: Write) -> None:
    storage = load_settings([write("storage: {data_dir: /d, cache_dir: /fast/cache}")], {}).storage

    assert storage.cache_dir == Path("/fast/cache")
    assert storage.voice_profiles_dir == Path("/d/voice_profiles")
    assert storage.temp_dir == Path("/d/temp")
    assert storage.models_dir == Path("/d/models")
    assert storage.conversions_dir == Path("/d/conversions")


def test_folders_are_absolute_and_know_the_home(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/singer")
    monkeypatch.chdir(tmp_path)
    storage = load_settings([write("storage: {data_dir: ~/voices, cache_dir: here}")], {}).storage

    assert storage.data_dir == Path("/home/singer/voices")
    assert storage.cache_dir == tmp_path / "here"


def test_later_files_win_key_by_key(write: Write) -> None:
    first = write("server: {port: 1, workers: 2}\ngpu: {device_id: 3}", "a.yaml")
    second = write("server: {port: 9}", "b.yaml")
    settings = load_settings([first, second], {})

    assert (settings.server.port, settings.server.workers, settings.gpu.device_id) == (9, 2, 3)


def test_a_preset_given_in_part_keeps_its_other_values(write: Write) -> None:
    path = write("quality: {presets: {quality: {separation_shifts: 5}}}")
    presets = load_settings([path], {}).quality.presets

    assert presets["quality"].separation_shifts == 5
    assert presets["quality"].separation_model == "htdemucs_ft"
    assert presets["quality"].vocoder_quality == "highest"
    assert presets["fast"] == Settings().quality.presets.fast


def test_presets_are_found_by_name_only() -> None:
    with pytest.raises(KeyError):
        Settings().quality.presets["model_fields"]


@pytest.mark.parametrize(
    ("variable", "text", "read"),
    [
        ("SERVER__PORT", "8080", lambda s: s.server.port == 8080),
        ("GPU__ALLOW_FALLBACK", "false", lambda s: s.gpu.allow_fallback is False),
        ("LIMITS__MAX_SONG_DURATION_S", "12.5", lambda s: s.limits.max_song_duration_s == 12.5),
        ("SECURITY__ALLOWED_ORIGINS", "[https://a.b, 'http://c:1']", lambda s: len(s.security.allowed_origins) == 2),
        ("LOGGING__FILE", "", lambda s: s.logging.file is None),
        ("MONITORING__PROMETHEUS_PORT", "null", lambda s: s.monitoring.prometheus_port is None),
        ("QUALITY__PRESETS__FAST__SEPARATION_SHIFTS", "4", lambda s: s.quality.presets.fast.separation_shifts == 4),
        # Text is taken as it stands: a folder may hold what YAML would read as a comment, a number or a switch.
        ("STORAGE__DATA_DIR", "/a: b #c", lambda s: s.storage.data_dir == Path("/a: b #c")),
        ("TTS__VOICE", "123", lambda s: s.tts.voice == "123"),
        ("TTS__VOICE", "yes", lambda s: s.tts.voice == "yes"),
    ],
)  # fmt: skip
def test_environment_values_are_yaml(variable: str, text: str, read: Callable[[Settings], bool]) -> None:
    assert read(load_settings(environment={f"AUTOVOICE__{variable}": text}))


def test_the_environment_wins_over_files(write: Write) -> None:
    path = write("server: {port: 1, workers: 2}")
    server = load_settings([path], {"AUTOVOICE__SERVER__PORT": "7", "OTHER__SERVER__PORT": "8"}).server

    assert (server.port, server.workers) == (7, 2)


def test_redis_url_serves_where_nothing_else_is_said(write: Write) -> None:
    environment = {"REDIS_URL": "redis://host:6379"}
    path = write("security: {rate_limit_storage: 'memory://'}")

    assert load_settings(environment=environment).security.rate_limit_storage == "redis://host:6379"
    assert load_settings([path], environment).security.rate_limit_storage == "memory://"


def test_cache_size_is_accepted_under_cache_too(write: Write) -> None:
    main = write("storage: {max_cache_size_gb: 20}", "main.yaml")
    tuning = write("cache: {max_cache_size_gb: 50}", "tuning.yaml")

    assert load_settings([main, tuning], {}).storage.max_cache_size_gb == 50
    assert load_settings([tuning, main], {}).storage.max_cache_size_gb == 20
    assert load_settings([main], {"AUTOVOICE__CACHE__MAX_CACHE_SIZE_GB": "3"}).storage.max_cache_size_gb == 3


def test_a_section_with_all_keys_commented_out_changes_nothing(write: Write) -> None:
    assert load_settings([write("server:\n  # port: 1\ngpu: {}\n")], {}).server.port == 5000


def test_keys_are_required_as_soon_as_others_can_reach_the_server(write: Write) -> None:
    reachable = write("server: {host: 0.0.0.0}")

    assert load_settings([reachable], {}).security.api_key_required is True
    for host in ("localhost", "127.0.0.2", "::1", "[::1]"):
        assert load_settings(environment={"AUTOVOICE__SERVER__HOST": host}).security.api_key_required is False


def test_allow_insecure_says_it_is_meant(write: Write) -> None:
    path = write("server: {host: 0.0.0.0}\nsecurity: {api_key_required: false, allow_insecure: true}")
    assert load_settings([path], {}).security.api_key_required is False


def test_every_value_knows_where_it_came_from(write: Write) -> None:
    first = write("server:\n  port: 1\n  workers: 2\n", "a.yaml")
    second = write("\n\nserver: {port: 9}\ncache: {max_cache_size_gb: 1}", "b.yaml")
    origins = load_with_origins([first, second], {"AUTOVOICE__GPU__DEVICE": "cpu"}).origins

    assert origins == {
        ("server", "port"): f"{second}:3",
        ("server", "workers"): f"{first}:3",
        ("storage", "max_cache_size_gb"): f"{second}:4",
        ("gpu", "device"): "AUTOVOICE__GPU__DEVICE",
    }


def test_settings_do_not_change(settings: Settings) -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.server.port = 1  # type: ignore[misc]


# The runbook's own text must load as it stands.


def test_production_holds_the_runbooks_values() -> None:
    settings = load_settings([REPOSITORY / "config/production.yaml"], {})

    assert settings.server.host == "0.0.0.0"
    assert settings.server.workers == 4
    assert settings.gpu.device == "cuda"
    assert settings.storage.voice_profiles_dir == Path("/data/voice_profiles")
    assert settings.storage.models_dir == Path("/opt/autovoice/models")
    assert settings.storage.conversions_dir == Path("/data/conversions")
    assert settings.storage.max_cache_size_gb == 20
    assert settings.quality.presets.balanced.separation_shifts == 2
    assert settings.limits.min_profile_duration_s == 30
    assert settings.logging.file == Path("/var/log/autovoice/app.log")
    assert settings.monitoring.prometheus_port == 9090
    assert settings.security.api_key_required is True
    assert settings.security.allowed_origins == ("https://autovoice.example.com",)


def test_tuning_fragments_load_alone_and_on_top() -> None:
    names = ("gpu_tuning", "cache_tuning", "concurrency_tuning")
    fragments = [REPOSITORY / f"config/{name}.yaml" for name in names]
    for fragment in fragments:
        load_settings([fragment], {})
    settings = load_settings([REPOSITORY / "config/production.yaml", *fragments], {})

    assert settings.gpu.cuda_graphs is True
    assert settings.cache.separation_ttl_hours == 48
    assert settings.cache.prewarm_models is True
    assert settings.storage.max_cache_size_gb == 50
    assert settings.limits.concurrent_conversions == 10
    assert settings.limits.worker_threads == 8
    assert settings.server.workers == 4


def test_the_runbooks_short_form_loads(write: Write) -> None:
    short = """
server: {host: 0.0.0.0, port: 5000, workers: 4, timeout: 300}
gpu: {device: cuda, allow_fallback: true, max_batch_size: 16, enable_tensorrt: true}
storage: {voice_profiles_dir: /data/voice_profiles, cache_dir: /data/cache, temp_dir: /tmp/autovoice, max_cache_size_gb: 20}
quality: {default_preset: balanced, allow_fast_preset: true, allow_quality_preset: true}
limits: {max_audio_size_mb: 100, max_profile_duration_s: 120, max_song_duration_s: 600, concurrent_conversions: 5}
cache: {separation_ttl_hours: 24, conversion_ttl_hours: 24, voice_profile_ttl_days: 90}
"""
    assert load_settings([write(short)], {}).limits.max_profile_duration_s == 120


def test_errors_reach_the_error_log() -> None:
    """The auto_voice logger does not propagate, so it needs the error handler itself."""
    logging_config = yaml.safe_load((REPOSITORY / "config/logging.yaml").read_text("utf-8"))

    assert "error_file" in logging_config["loggers"]["auto_voice"]["handlers"]
    assert logging_config["handlers"]["error_file"]["level"] == "ERROR"
