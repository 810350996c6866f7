"""The web application on stores of its own, with a voice called Ada, and what a worker would do to its jobs."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from auto_voice.config import Settings, load_settings
from auto_voice.jobs.job import Job
from auto_voice.web.app import create_app
from auto_voice.web.services import Services
from simple_engines import make_profile, song, wav

SONG = wav(song(1.5))
_MIME = {"wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "json": "application/json"}


class WebHouse:
    """An installation in a folder of its own.

    Attributes:
        app, client: the application, and a client that shows no key.
        services: the stores behind it.
        voice: the id of the voice of the owner "default".
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        environment = {
            "AUTOVOICE__STORAGE__DATA_DIR": str(folder),
            "AUTOVOICE__SECURITY__RATE_LIMITING_ENABLED": "false",
            **{f"AUTOVOICE__{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.settings: Settings = load_settings(environment=environment)
        self.app = create_app(self.settings)
        self.client: FlaskClient = self.app.test_client()
        self.services: Services = self.app.extensions["auto_voice"]
        self.voice = make_profile(self.settings).profile_id

    def key(self, username: str, role: str = "user") -> dict[str, str]:
        """Make a user; the headers that show their key."""
        self.services.accounts.create_user(username, role)  # type: ignore[arg-type]
        return {"X-API-Key": self.services.accounts.issue_key(username)}

    def convert(
        self, *fields: tuple[str, Any], song: bytes | None = SONG, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        """Hand in a song for Ada; `fields` may repeat a name, `more` replaces the usual ones, None leaves one out."""
        usual: dict[str, Any] = {"target_profile_id": self.voice}
        if song is not None:
            usual["song"] = (io.BytesIO(song), "song.wav")
        given = {**usual, **more}
        form = MultiDict([(name, value) for name, value in given.items() if value is not None] + list(fields))
        # A client of its own, so that several threads may hand in songs.
        return self.app.test_client().post("/api/v1/convert/song", data=form, headers=headers)

    def made(self, **more: Any) -> Job:
        """Hand in a song; the job."""
        answer = self.convert(**more)
        assert answer.status_code == 202, answer.json
        return self.services.jobs.get(answer.json["conversion_id"])

    def started(self, **more: Any) -> Job:
        """A job that a worker has begun."""
        self.made(**more)
        job = self.services.jobs.claim("worker", "batch")
        assert job is not None
        return job

    def completed(self, files: dict[str, bytes] | None = None, **more: Any) -> Job:
        """A job that a worker has done, with these files."""
        job = self.started(**more)
        folder = self.services.paths.attempt_dir(job.job_id, job.attempt)
        folder.mkdir(parents=True)
        described = {}
        for name, content in (files or {"converted.wav": SONG}).items():
            (folder / name).write_bytes(content)
            mime = _MIME[name.rpartition(".")[2]]
            described[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "mime": mime}
        self.services.jobs.complete(
            job,
            {
                "attempt": job.attempt,
                "files": described,
                "metadata": {
                    "original_duration_seconds": 1.5,
                    "converted_duration_seconds": 1.5,
                    "sample_rate": 16000,
                },
                "quality_metrics": {"overall_quality_score": 0.9},
                "warnings": [],
                "stage_seconds": {"source_separation": 0.5},
            },
        )
        return self.services.jobs.get(job.job_id)

    def files(self) -> set[Path]:
        """The files of jobs and uploads, with nothing of the database."""
        storage = self.settings.storage
        folders = (storage.conversions_dir, storage.temp_dir)
        return {file for folder in folders for file in folder.rglob("*") if file.is_file()}
