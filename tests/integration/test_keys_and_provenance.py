"""A real service that wants keys, its operator's command line, and results that prove where they came from."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from service import Service, running_service, until
from simple_engines import song, wav

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), {"security.api_key_required": True}) as service:
        yield service


def autovoice(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The operator's command line, with the service's configuration."""
    return _run(service, "-m", "auto_voice.cli", *arguments)


def _run(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=service.environment, capture_output=True, text=True, timeout=120)


def test_from_the_first_key_to_a_result_that_is_verified(service: Service, tmp_path: Path) -> None:
    made = _run(service, str(SCRIPTS / "create_user.py"), "--username", "ada")
    key = {"X-API-Key": made.stdout.strip()}
    voice = service.profile(user_id="ada")

    form = {"target_profile_id": voice.profile_id, "return_stems": "true", "output_format": "flac"}
    files = {"song": ("secret song.wav", wav(song(2.0)))}
    assert requests.post(f"{service.url}/api/v1/convert/song", data=form, files=files, timeout=30).status_code == 401
    answer = requests.post(f"{service.url}/api/v1/convert/song", data=form, files=files, headers=key, timeout=30)
    assert answer.status_code == 202, answer.text
    job = answer.json()["conversion_id"]
    service.wait_for(job)

    result = requests.get(f"{service.url}/api/v1/convert/status/{job}", headers=key, timeout=30).json()["result"]
    for file in result["files"]:
        content = requests.get(service.url + file["url"], headers=key, timeout=30).content
        (tmp_path / file["name"]).write_bytes(content)
    songs = [name for name in (each["name"] for each in result["files"]) if name.endswith(".flac")]
    assert sorted(songs) == ["converted.flac", "instrumental.flac", "vocals.flac"]
    for name in songs:
        checked = autovoice(service, "verify", str(tmp_path / name), "--json")
        assert checked.returncode == 0, checked.stderr
        statement = json.loads(checked.stdout)["statement"]
        assert (statement["job"], statement["profile"]) == (job, voice.profile_id)

    changed = bytearray((tmp_path / "converted.flac").read_bytes())
    changed[-10] ^= 1
    (tmp_path / "converted.flac").write_bytes(changed)
    assert autovoice(service, "verify", str(tmp_path / "converted.flac")).returncode == 10
    (tmp_path / "vocals.flac.provenance.json").unlink()
    assert autovoice(service, "verify", str(tmp_path / "vocals.flac")).returncode == 12


def test_a_key_revoked_on_the_command_line_is_out_at_once_everywhere(service: Service) -> None:
    key = autovoice(service, "keys", "create", "--user", "eve", "--role", "user").stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    jobs = f"{service.url}/api/v1/convert/jobs"
    assert requests.get(jobs, headers=headers, timeout=30).status_code == 200
    assert autovoice(service, "keys", "revoke", key.split("_")[1]).returncode == 0
    refused = requests.get(jobs, headers={**headers, "X-Request-ID": "after-the-end"}, timeout=30)
    assert (refused.status_code, refused.json()["error"]) == (403, "Invalid API key")
    [entry] = json.loads(autovoice(service, "audit", "--act", "key_refused", "--json").stdout)["entries"]
    assert (entry["actor"], entry["address"], entry["request_id"]) == ("eve", "127.0.0.1", "after-the-end")
    assert entry["details"] == {"what": "key", "reason": "revoked"}


def test_no_key_text_or_name_is_in_the_services_log(service: Service) -> None:
    key = autovoice(service, "keys", "create", "--user", "bob", "--role", "admin").stdout.strip()
    body = {"input": "An unheard-of sentence.", "voice": "nobody-of-that-name", "model": "tts-1"}
    for sent in (key, key[:-1] + "x"):
        requests.post(
            f"{service.url}/v1/audio/speech?ticket={sent}", json=body, headers={"X-API-Key": sent}, timeout=30
        )
    until(lambda: "/v1/audio/speech" in service.log.read_text(), "the request's line")
    logged = service.log.read_text()
    assert key.split("_")[2][:-1] not in logged
    assert "unheard-of" not in logged
    assert "secret song" not in logged
