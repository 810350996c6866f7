"""The page in a real browser: what Chromium makes of it when its scripts have run."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import Service, running_service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)")

SCRIPT = "<img src=x onerror=\"document.title='broken in'\">"
"""A voice's name that would run as a program on a page that takes text for markup."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("page")) as service:
        yield service


def page_of(address: str, folder: Path) -> str:
    """The document after its scripts have asked the service; the browser keeps its own files in `folder`."""
    assert CHROMIUM is not None
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", "--virtual-time-budget=8000")
    run = subprocess.run([CHROMIUM, *options, "--dump-dom", address], capture_output=True, timeout=90, check=True)
    return run.stdout.decode()


def words(document: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", document)))


def test_the_page_shows_health_jobs_and_voices(service: Service, tmp_path: Path) -> None:
    profile = service.profile(SCRIPT)
    job = service.wait_for(service.submit_song(profile, song_name="evening.wav").job_id)
    assert job.state == "completed", job.error

    page = page_of(f"{service.url}/", tmp_path)

    shown = words(page)
    assert "Service healthy" in shown
    assert "evening.wav completed converted.wav" in shown
    assert profile.profile_id in shown
    assert SCRIPT in shown, "the name is there as text"
    assert "<title>AutoVoice</title>" in page


def test_the_description_of_the_api_can_be_read_without_a_network(service: Service, tmp_path: Path) -> None:
    shown = words(page_of(f"{service.url}/docs", tmp_path))

    routes = shown.replace(" ", "")  # the reader breaks addresses at their slashes
    assert "Hand in a song to be sung in another voice" in shown
    assert "POST/api/v1/convert/song" in routes
    assert "POST/v1/audio/speech" in routes
