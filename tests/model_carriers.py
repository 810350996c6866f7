"""Small stand-ins for what the network holds: catalogue entries, wheels, tarballs, and a web server."""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from auto_voice.models.catalogue import ModelEntry, ModelFile, parse_models


def file_of(name: str, content: bytes) -> ModelFile:
    return ModelFile(name=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def entry_of(
    contents: Mapping[str, bytes],
    sources: list[dict[str, Any]] | None = None,
    *,
    model_id: str = "tiny",
    **more: Any,
) -> ModelEntry:
    """A catalogue entry for files with these contents."""
    table = {
        "purpose": "tests",
        "licence": "MIT",
        "embedded": True,
        "files": [vars(file_of(name, content)) for name, content in contents.items()],
        "sources": sources or [],
        **more,
    }
    return parse_models({model_id: table})[model_id]


def make_wheel(folder: Path, name: str, version: str, members: Mapping[str, bytes]) -> Path:
    """A wheel that pip accepts, with these members."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def make_tarball(path: Path, members: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Path:
    """An npm tarball; names get npm's `package/` before them."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, goal in (links or {}).items():
            info = tarfile.TarInfo(f"package/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, goal
            tar.addfile(info)
    return path


class Web:
    """A web server on the loopback that can misbehave.

    Attributes:
        files: content by path.
        break_after: bytes after which the connection is cut, once for each number in the list.
        redirects: path to address.
        requests: (path, Range header) of every request.
        hold: while set, answers wait for it to be cleared (see `release`).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.break_after: list[int] = []
        self.requests: list[tuple[str, str | None]] = []
        self.ranges = True
        self.release = threading.Event()
        self.release.set()
        self.asked = threading.Event()
        self.url = ""


@contextmanager
def web_server() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            asked_for = self.headers.get("Range")
            web.requests.append((self.path, asked_for))
            web.asked.set()
            web.release.wait(timeout=30)
            if self.path in web.redirects:
                self.send_response(302)
                self.send_header("Location", web.redirects[self.path])
                self.end_headers()
                return
            content = web.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(asked_for.removeprefix("bytes=").rstrip("-")) if asked_for and web.ranges else 0
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + web.break_after.pop(0) if web.break_after else len(content)
            with contextlib.suppress(ConnectionError):  # a client that was cancelled does not wait for the rest
                self.wfile.write(content[start:end])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        web.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
