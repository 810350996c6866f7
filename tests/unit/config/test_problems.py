"""What is wrong is told all at once: file and line, key, what is wrong, and what was probably meant."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from auto_voice.config import Problem, SettingsError, load_settings
from auto_voice.errors import ConfigurationError


def problems_of(tmp_path: Path, text: str | bytes, **environment: str) -> list[Problem]:
    """The problems of one file, its path left out of the places."""
    path = tmp_path / "s.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        load_settings([path], environment)
    return [Problem(p.place.replace(str(path), "s.yaml"), p.key, p.message) for p in caught.value.problems]


def only(problems: list[Problem]) -> str:
    assert len(problems) == 1, problems
    return str(problems[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server:\n  prot: 1", "s.yaml:2: server: unknown key 'prot'; did you mean 'port'?"),
        ("servr: {port: 1}", "s.yaml:1: unknown section 'servr'; did you mean 'server'?"),
        ("server: {max_cache_size_gb: 1}", "did you mean 'storage.max_cache_size_gb'?"),
        ("max_cache_size_gb: 1", "did you mean 'storage.max_cache_size_gb'?"),
        ("models: {zzz: 1}", "unknown key 'zzz'; keys of models: sources_dir, idle_unload_seconds"),
        ("zzz: 1", "unknown section 'zzz'; sections: server, gpu, storage"),
        ("quality: {presets: {quick: {}}}", "quality.presets: unknown key 'quick'; keys of quality.presets: fast"),
        ("quality: {presets: {fast: {separation_shift: 1}}}", "did you mean 'separation_shifts'?"),
        ("gpu: {device: cudda}", "gpu.device: should be 'auto', 'cuda' or 'cpu', not \"cudda\"; did you mean 'cuda'?"),
        ("gpu: {max_batch_size: 0}", "gpu.max_batch_size: should be greater than or equal to 1, not 0"),
        ("server: {port: 70000}", "server.port: should be less than or equal to 65535, not 70000"),
        ("server: {port: true}", "server.port: should be a valid integer, not true"),
        ("server: {port: '5000'}", "server.port: should be a valid integer"),
        ("server: {port: [1]}", "server.port: should be a valid integer, not [1]"),
        ("server: {debug: 1}", "server.debug: should be a valid boolean"),
        ("server: {host: }", "server.host: should be a valid string, not empty"),
        ("limits: {max_song_duration_s: .inf}", "should be a finite number"),
        ("limits: {max_song_duration_s: .nan}", "should be a finite number"),
        ("limits: {accepted_mime_types: [audio/wave]}", "did you mean 'audio/wav'?"),
        ("limits: {accepted_mime_types: []}", "limits.accepted_mime_types: should name at least one"),
        ("limits: {accepted_mime_types: audio/wav}", "should be a list"),
        ("security: {allowed_origins: ['https://a', b]}", "security.allowed_origins[1]: should match pattern"),
        ("storage: {data_dir: 5}", "storage.data_dir: should be a path, not 5"),
        ("storage: {data_dir: ''}", "storage.data_dir: should be a path"),
        ("storage: {cache_dir: '~nobody-of-that-name/x'}", "storage.cache_dir: Could not determine home directory"),
        ("server: 5", "s.yaml:1: server: is a section: it has keys below it, not the value 5"),
        ("server: {port: 1, port: 1}", "s.yaml:1: server: 'port' is given twice; first in line 1"),
        ("server: {}\nserver: {}", "s.yaml:2: 'server' is given twice; first in line 1"),
        ("cache: {max_cache_size_gb: 1}\nstorage: {max_cache_size_gb: 2}",
         "s.yaml:2: storage.max_cache_size_gb: contradicts s.yaml:1, which gives 1 for the same setting"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, told: str) -> None:
    assert told in only(problems_of(tmp_path, text)).replace(str(tmp_path) + os.sep, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server: {host: 0.0.0.0}\nsecurity: {api_key_required: false}",
         "s.yaml:2: security.api_key_required: is off while server.host is 0.0.0.0"),
        ("limits: {min_profile_duration_s: 120}",
         "s.yaml:1: limits.min_profile_duration_s: should be less than limits.max_profile_duration_s (120), not 120"),
        ("quality: {default_preset: fast, allow_fast_preset: false}",
         "quality.default_preset: is 'fast', which allow_fast_preset switches off; allowed: balanced, quality"),
        ("monitoring: {prometheus_port: 5000}", "monitoring.prometheus_port: is server.port"),
        ("storage: {cache_dir: /x, voice_profiles_dir: /x}",
         "s.yaml:1: storage.cache_dir: is /x, the same folder as storage.voice_profiles_dir"),
    ],
)  # fmt: skip
def test_contradictions(tmp_path: Path, text: str, told: str) -> None:
    assert told in only(problems_of(tmp_path, text))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = "server:\n  port: no\n  prot: 1\ngpu: {device: cuda0}\nnonsense: 1\n"
    problems = problems_of(tmp_path, text, AUTOVOICE__SERVER__WORKERS="0", AUTOVOICE__SERVER__WRKERS="1")

    assert {(problem.place, problem.key) for problem in problems} == {
        ("s.yaml:2", "server.port"),
        ("s.yaml:3", "server"),
        ("s.yaml:4", "gpu.device"),
        ("s.yaml:5", ""),
        ("AUTOVOICE__SERVER__WORKERS", "server.workers"),
        ("AUTOVOICE__SERVER__WRKERS", ""),
    }


def test_all_contradictions_are_told_at_once(tmp_path: Path) -> None:
    text = "limits: {min_profile_duration_s: 200}\nmonitoring: {prometheus_port: 5000}"
    assert [problem.place for problem in problems_of(tmp_path, text)] == ["s.yaml:1", "s.yaml:2"]


@pytest.mark.parametrize(
    ("variable", "text", "told"),
    [
        ("AUTOVOICE__SERVER", "1", "AUTOVOICE__SERVER: server: is a section; a variable sets one key"),
        ("AUTOVOICE__SERVER__PRT", "1", "AUTOVOICE__SERVER__PRT: unknown key 'prt'; did you mean 'port'?"),
        ("AUTOVOICE__SERVER__PORT__X", "1", "AUTOVOICE__SERVER__PORT__X: unknown key"),
        ("AUTOVOICE__", "1", "unknown section ''"),
        ("AUTOVOICE__SERVER__PORT", "*x", "AUTOVOICE__SERVER__PORT: server.port: aliases"),
        ("AUTOVOICE__SERVER__PORT", "{a: 1}", 'should be a valid integer, not {"a": 1}'),
        ("AUTOVOICE__SERVER__PORT", "[", "not valid YAML"),
        ("AUTOVOICE__SERVER__PORT", "", "server.port: should be a valid integer, not empty"),
        ("AUTOVOICE__STORAGE__DATA_DIR", "/a\0b", "storage.data_dir: should be a path"),
    ],
)
def test_the_environments_mistakes_name_the_variable(variable: str, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={variable: text})
    assert told in only(list(caught.value.problems))


def test_passwords_are_not_told() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={"AUTOVOICE__SECURITY__RATE_LIMIT_STORAGE": "http://:hunter2@host"})
    assert "hunter2" not in str(caught.value)


def test_long_values_are_told_in_short(tmp_path: Path) -> None:
    assert len(only(problems_of(tmp_path, f"gpu: {{device: {'x' * 10_000}}}"))) < 300


def test_a_file_of_nothing_but_mistakes_does_not_flood_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("".join(f"key{number}: 1\n" for number in range(1000)))
    with pytest.raises(SettingsError, match=r"1000 problems in the configuration:") as caught:
        load_settings([path], {})
    assert len(caught.value.problems) == 1000
    assert str(caught.value).endswith("… and 950 more")


def test_it_is_a_configuration_error_with_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"2 problems in the configuration:\n"):
        load_settings([tmp_path / "a", tmp_path / "b"], {})
    assert SettingsError.exit_code == 4


# Hostile files.


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "s.yaml: the file is empty"),
        ("# nothing\n", "s.yaml: the file is empty"),
        ("- a\n- b", "s.yaml:1: should be sections with keys"),
        ("text", "s.yaml:1: should be sections with keys"),
        ("a: &x [1]\nb: *x", "s.yaml:2: aliases (*name) are not allowed"),
        ("server:\n  <<: *x", "s.yaml:2: aliases (*name) are not allowed"),
        ("server: {port: !!python/object/apply:os.system ['true']}", "s.yaml:1: server.port: tags ("),
        ("server: {port: !secret x}", "s.yaml:1: server.port: tags (!secret) are not allowed"),
        ("server: !!binary aGk=", "s.yaml:1: server: tags"),
        ("server: {port: !!int abc}", "s.yaml:1: server.port: not a valid int"),
        (f"server: {{port: {'9' * 5000}}}", "s.yaml:1: server.port: not a valid int"),
        ("server: {? [a] : 1}", "s.yaml:1: server: a key should be a word"),
        ("server: {port: 1", "s.yaml:1: not valid YAML"),
        ("server:\n\tport: 1", "s.yaml:2: not valid YAML"),
        ("a: 1\n---\nb: 1", "s.yaml:2: not valid YAML"),
        ("a: " + "[" * 100_000, "s.yaml:1: nested too deeply"),
        (b"\x00\x01\x02", "s.yaml:1: not a text file"),
        (b"server:\n  host: \xff\xfe", "s.yaml:2: is not UTF-8 text"),
        (b"a" * 300_000, "s.yaml: is larger than 256 KiB"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_clearly(tmp_path: Path, text: str | bytes, told: str) -> None:
    began = time.monotonic()
    assert told in only(problems_of(tmp_path, text))
    assert time.monotonic() - began < 5


def test_an_alias_bomb_costs_nothing(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert "s.yaml:2: aliases" in only(problems_of(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize("path", ["/dev/zero", "/tmp"])
def test_only_files_are_read(path: str) -> None:
    with pytest.raises(SettingsError, match=f"{path}: is not a file"):
        load_settings([Path(path)], {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read: No such file"):
        load_settings([tmp_path / "none.yaml"], {})
