"""Who may do what at every route: the expectations, and the house in which they are tried.

Ada owns everything that is asked for. Eve is another user, Root an admin.
"""

from __future__ import annotations

import io
import itertools
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from auto_voice.jobs.job import new_job_id
from auto_voice.jobs.workers import WorkerRegistry
from simple_engines import make_profile, song, wav
from web_house import WebHouse

VOICE_NAME, SONG_NAME = "Ada's private voice", "adas-unreleased-song"
STOCK_VOICE = "af_heart"
SOUND = wav(song(1.0))


@dataclass(frozen=True)
class Request:
    """What is sent to a route; `form` may hold bytes, which are sent as a file."""

    path: str
    query: dict[str, str] = field(default_factory=dict)
    form: dict[str, str | bytes] = field(default_factory=dict)
    json: dict[str, Any] | None = None

    def naming(self, user_id: str, place: str) -> Request:
        """The same with a `user_id` in its query, form or JSON document."""
        given: dict[str, Any] = {**(getattr(self, place) or {}), "user_id": user_id}
        return replace(self, **{place: given})


@dataclass(frozen=True)
class Things:
    """What a request asks for: Ada's own, or what never existed."""

    profile: str
    done: str
    waiting: str
    archive: bytes

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.profile, self.done, self.waiting)


@dataclass(frozen=True)
class Open:
    """A route for everybody."""

    path: str


@dataclass(frozen=True)
class Owned:
    """A route to something of Ada's: Eve finds nothing (404). `status` is for Ada and Root."""

    ask: Callable[[Things], Request]
    status: int = 200


@dataclass(frozen=True)
class Shared:
    """A route for every user, each for themselves."""

    ask: Callable[[Things], Request]
    status: int = 200


@dataclass(frozen=True)
class Socket:
    """A WebSocket on something of Ada's; told by its close codes."""

    ask: Callable[[Things], Request]


def _at(path: str) -> Callable[[Things], Request]:
    return lambda _: Request(path)


def _speech(path: str, text: str) -> Callable[[Things], Request]:
    more = {"model": "tts-1"} if text == "input" else {}
    return lambda things: Request(path, json={text: "Hello.", "voice": things.profile, **more})


# 422 is a stand-in worker's answer to all interactive work: whoever gets it came all the way to a worker.
EXPECTED: dict[tuple[str, str], Open | Owned | Shared | Socket] = {
    ("GET", "/"): Open("/"),
    ("GET", "/docs"): Open("/docs"),
    ("GET", "/docs/swagger/<path:filename>"): Open("/docs/swagger/css/swagger-ui.css"),
    ("GET", "/openapi.json"): Open("/openapi.json"),
    ("GET", "/static/<path:filename>"): Open("/static/style.css"),
    ("GET", "/health"): Open("/health"),
    ("GET", "/api/v1/health"): Open("/api/v1/health"),
    ("GET", "/ready"): Open("/ready"),
    ("GET", "/metrics"): Open("/metrics"),
    ("POST", "/api/v1/convert/song"): Owned(
        lambda things: Request("/api/v1/convert/song", form={"song": SOUND, "target_profile_id": things.profile}), 202
    ),
    ("GET", "/api/v1/convert/status/<conversion_id>"): Owned(
        lambda things: Request(f"/api/v1/convert/status/{things.done}")
    ),
    ("GET", "/api/v1/convert/jobs"): Shared(_at("/api/v1/convert/jobs")),
    ("GET", "/api/v1/convert/download/<conversion_id>/<file>"): Owned(
        lambda things: Request(f"/api/v1/convert/download/{things.done}/converted.wav")
    ),
    ("POST", "/api/v1/convert/cancel/<conversion_id>"): Owned(
        lambda things: Request(f"/api/v1/convert/cancel/{things.waiting}")
    ),
    ("GET", "/api/v1/queue/status"): Shared(_at("/api/v1/queue/status")),
    ("POST", "/api/v1/voice/clone"): Shared(
        lambda _: Request("/api/v1/voice/clone", form={"audio": b"no sound", "consent": "true"}), 400
    ),
    ("GET", "/api/v1/voice/profiles"): Shared(_at("/api/v1/voice/profiles")),
    ("GET", "/api/v1/voice/profiles/<profile_id>"): Owned(
        lambda things: Request(f"/api/v1/voice/profiles/{things.profile}")
    ),
    ("DELETE", "/api/v1/voice/profiles/<profile_id>"): Owned(
        lambda things: Request(f"/api/v1/voice/profiles/{things.profile}")
    ),
    ("POST", "/api/v1/voice/profiles/<profile_id>/adapt"): Owned(
        lambda things: Request(f"/api/v1/voice/profiles/{things.profile}/adapt"), 202
    ),
    ("GET", "/api/v1/voice/profiles/<profile_id>/export"): Owned(
        lambda things: Request(f"/api/v1/voice/profiles/{things.profile}/export")
    ),
    ("GET", "/api/v1/voice/profiles/<profile_id>/preview"): Owned(
        lambda things: Request(f"/api/v1/voice/profiles/{things.profile}/preview"), 422
    ),
    ("POST", "/api/v1/voice/profiles/import"): Shared(
        lambda things: Request("/api/v1/voice/profiles/import", form={"archive": things.archive, "consent": "true"}),
        201,
    ),
    ("POST", "/api/v1/process_audio"): Shared(lambda _: Request("/api/v1/process_audio", form={"audio": SOUND}), 422),
    ("POST", "/v1/audio/speech"): Owned(_speech("/v1/audio/speech", "input"), 422),
    ("POST", "/api/v1/synthesize"): Owned(_speech("/api/v1/synthesize", "text"), 422),
    ("POST", "/api/v1/speech/jobs"): Owned(_speech("/api/v1/speech/jobs", "text"), 202),
    ("GET", "/v1/audio/voices"): Shared(_at("/v1/audio/voices")),
    ("GET", "/v1/models"): Shared(_at("/v1/models")),
    ("GET", "/v1/models/<model>"): Shared(_at("/v1/models/tts-1")),
    ("POST", "/api/v1/ws/ticket"): Owned(
        lambda things: Request("/api/v1/ws/ticket", json={"conversion_id": things.done})
    ),
    ("GET", "/ws/conversion/<conversion_id>"): Socket(lambda things: Request(f"/ws/conversion/{things.done}")),
}


class AccessHouse(WebHouse):
    """A service with keys, and everybody who might try them.

    Attributes:
        keys: the headers of nobody, and of whoever has a bad key, a revoked one, an expired one, and of eve, ada, root.
        done: the id of Ada's completed job.
        url: where WebSockets are served.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, security__api_key_required="true", limits__max_queue_size=10_000)
        accounts, now = self.services.accounts, time.time()
        ada, eve, root = self.key("ada"), self.key("eve"), self.key("root", "admin")
        revoked, expired = accounts.issue_key("ada"), accounts.issue_key("ada", valid_seconds=0.001)
        accounts.revoke(revoked.split("_")[1])
        self.keys: dict[str, dict[str, str]] = {
            "nobody": {},
            "bad key": {"X-API-Key": f"av_{'0' * 16}_{'0' * 64}"},
            "revoked": {"X-API-Key": revoked},
            "expired": {"Authorization": f"Bearer {expired}"},
            "eve": eve,
            "ada": ada,
            "root": root,
        }
        WorkerRegistry(self.services.database).hello(
            "stand-in",
            state="ready",
            details={"voices": [{"name": STOCK_VOICE, "language": "en-us", "gender": "female"}]},
        )
        self.profile = self.adas_profile()
        named = (io.BytesIO(SOUND), f"{SONG_NAME}.wav")
        self.done = self.completed(target_profile_id=self.profile, headers=ada, song=None, audio=named).job_id
        archive = folder / "voice.zip"
        self.services.profiles.export(make_profile(self.settings, "Handed over", "ada").profile_id, archive)
        self._archive = archive.read_bytes()
        self._addresses = itertools.count()
        while time.time() <= now + 0.001:
            time.sleep(0.001)

    def adas_profile(self) -> str:
        return make_profile(self.settings, VOICE_NAME, "ada").profile_id

    def adas_things(self) -> Things:
        """Ada's voice, her finished job and one that waits; the voice and the waiting job are new ones."""
        profile = self.adas_profile()
        answer = self.convert(target_profile_id=profile, headers=self.keys["ada"])
        assert answer.status_code == 202, answer.json
        return Things(profile, self.done, answer.json["conversion_id"], self._archive)

    def nothing(self) -> Things:
        """Ids that nobody ever had."""
        return Things(str(uuid.uuid4()), new_job_id(), new_job_id(), self._archive)

    def ask(self, who: str, method: str, request: Request, **headers: str) -> TestResponse:
        """Send a request, each from an address of its own: wrong keys are counted by address."""
        number = next(self._addresses)
        form = {
            name: (io.BytesIO(value), "file.bin") if isinstance(value, bytes) else value
            for name, value in request.form.items()
        }
        body = {"json": request.json} if request.json is not None else {"data": form} if form else {}
        return self.client.open(
            request.path,
            method=method,
            query_string=request.query,
            headers={**self.keys[who], **headers},
            environ_overrides={"REMOTE_ADDR": f"198.18.{number // 250 % 250}.{number % 250 + 1}"},
            **body,
        )

    def user_id_places(self) -> Iterator[tuple[str, str, str]]:
        """(method, rule, "query", "form" or "json") of every route that takes a `user_id`, by the API's description."""
        described = self.client.get("/openapi.json").json
        assert described is not None
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                rule = re.sub(r"\{(\w+)\}", r"<\1>", path)
                if any(each["name"] == "user_id" for each in operation.get("parameters", [])):
                    yield method.upper(), rule, "query"
                for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                    schema = content["schema"]
                    if "$ref" in schema:
                        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
                    if "user_id" in schema.get("properties", {}):
                        yield method.upper(), rule, "json" if "json" in kind else "form"


def routes_of(app: Flask) -> Iterator[tuple[str, Rule]]:
    """Every method of every route, but those that Flask answers itself."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule


@contextmanager
def lived_in(folder: Path) -> Iterator[AccessHouse]:
    """The house with its sockets open, and a stand-in worker that fails whatever interactive work comes."""
    house, closing = AccessHouse(folder), threading.Event()

    def work() -> None:
        failure = {"code": "conversion_failed", "message": "The stand-in does nothing.", "details": {"suggestions": []}}
        while not closing.wait(0.01):
            while (job := house.services.jobs.claim("stand-in", "interactive")) is not None:
                house.services.jobs.fail(job, failure)

    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    house.url = f"ws://127.0.0.1:{server.server_port}"
    threads = [threading.Thread(target=target, daemon=True) for target in (work, server.serve_forever)]
    for thread in threads:
        thread.start()
    try:
        yield house
    finally:
        closing.set()
        server.shutdown()
        for thread in threads:
            thread.join(10)
        server.server_close()
        house.services.database.dispose()
