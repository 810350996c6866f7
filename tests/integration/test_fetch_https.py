"""Fetching over the web, from a server that breaks off, stalls, lies and redirects."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from auto_voice.errors import ModelLoadError
from auto_voice.models.catalogue import ModelEntry, SourceEntry
from auto_voice.models.fetch import FetchEvent, fetch, install_all
from auto_voice.models.https import HttpsSource
from auto_voice.models.install import verify
from auto_voice.models.sources import FolderSource, Outage, Source
from model_carriers import Web, entry_of, web_server

CONTENT = bytes(range(256)) * 4096  # 1 MiB
ENTRY = entry_of({"model.bin": CONTENT})


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        server.files = {"/model.bin": CONTENT}
        yield server


class Place:
    """Where a test's models go, and how they are got."""

    def __init__(self, folder: Path) -> None:
        self.models = folder / "models"
        self.partial = folder / "partial"
        self.partial.mkdir()
        self.outage = Outage()
        self.events: list[FetchEvent] = []

    def source(self, url: str, *, timeouts: tuple[float, float] = (5, 5), insecure: bool = True) -> HttpsSource:
        entry = SourceEntry(kind="https", url=url)
        return HttpsSource(entry, self.partial, self.outage, timeouts=timeouts, insecure=insecure)

    def get(self, *sources: Source, entry: ModelEntry = ENTRY) -> list[str]:
        return install_all([entry], self.models, lambda _: sources, progress=self.events.append)

    def installed(self) -> bytes:
        return (self.models / "tiny" / "model.bin").read_bytes()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_is_fetched_by_name_and_installed(web: Web, place: Place) -> None:
    assert place.get(place.source(web.url + "/{name}")) == ["tiny"]
    assert place.installed() == CONTENT
    assert [event.state for event in place.events][-2:] == ["installing", "installed"]
    fetched = [event.done for event in place.events if event.state == "fetching"]
    assert fetched == sorted(fetched)
    assert fetched[-1] == len(CONTENT)


def test_what_broke_off_is_continued_not_begun_again(web: Web, place: Place) -> None:
    web.break_after = [300_000]
    place.get(place.source(web.url + "/{name}"))
    assert place.installed() == CONTENT
    (_, first), (_, second) = web.requests
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) <= 300_000


def test_the_next_run_continues_where_the_last_gave_up(web: Web, place: Place) -> None:
    web.break_after = [200_000, 200_000]
    source = place.source(web.url + "/{name}")
    with pytest.raises(ModelLoadError, match="Connection broken"):
        place.get(source)
    assert place.get(source) == ["tiny"]
    assert place.installed() == CONTENT
    assert web.requests[-1][1] is not None


def test_a_server_that_knows_no_ranges_begins_again(web: Web, place: Place) -> None:
    web.ranges = False
    web.break_after = [300_000]
    place.get(place.source(web.url + "/{name}"))
    assert place.installed() == CONTENT


def test_a_shorter_file_is_not_taken_for_a_beginning(web: Web, place: Place) -> None:
    web.files["/model.bin"] = CONTENT[:1000]
    with pytest.raises(ModelLoadError, match="another file of that name"):
        place.get(place.source(web.url + "/{name}"))


def test_wrong_bytes_are_dropped_and_the_next_source_serves(web: Web, place: Place) -> None:
    web.files["/wrong/model.bin"] = CONTENT[::-1]
    place.get(place.source(web.url + "/wrong/{name}"), place.source(web.url + "/{name}"))
    assert place.installed() == CONTENT


def test_a_larger_file_is_not_read_to_its_end(web: Web, place: Place) -> None:
    web.files["/model.bin"] = CONTENT * 8
    with pytest.raises(ModelLoadError, match="it is larger than the 1048576 bytes it should have"):
        place.get(place.source(web.url + "/{name}"))
    assert list(place.partial.iterdir()) == []


def test_a_stalled_server_is_given_up(web: Web, place: Place) -> None:
    web.release.clear()
    with pytest.raises(ModelLoadError, match="the server stopped sending"):
        place.get(place.source(web.url + "/{name}", timeouts=(1, 0.1)))


def test_a_missing_file_is_reported_as_the_server_says(web: Web, place: Place) -> None:
    with pytest.raises(ModelLoadError, match="the server answered 404"):
        place.get(place.source(web.url + "/nowhere/{name}"))


def test_redirects_are_followed(web: Web, place: Place) -> None:
    web.redirects["/moved"] = "/model.bin"
    place.get(place.source(web.url + "/moved"))
    assert place.installed() == CONTENT


def test_plain_http_is_not_spoken(web: Web, place: Place) -> None:
    with pytest.raises(ModelLoadError, match="it leads to an address that is not https"):
        place.get(place.source(web.url + "/{name}", insecure=False))
    assert web.requests == []


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_host_out_of_reach_is_asked_once_in_a_run(place: Place, tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"other")
    (tmp_path / "model.bin").write_bytes(CONTENT)
    entry = entry_of({"model.bin": CONTENT, "other.bin": b"other"})
    port = closed_port()
    source = place.source(f"http://127.0.0.1:{port}/{{name}}")
    place.get(source, FolderSource(tmp_path, "tiny"), entry=entry)
    with web_server() as web, pytest.raises(ModelLoadError, match="cannot be reached: no connection"):
        place.outage.record(web.url.removeprefix("http://"), "x cannot be reached: no connection")
        web.files = {"/model.bin": CONTENT}
        place.get(place.source(web.url + "/{name}"), entry=entry_of({"model.bin": CONTENT}, model_id="again"))
    assert web.requests == []


def test_when_nothing_serves_every_source_and_the_remedy_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    address = f"https://127.0.0.1:{closed_port()}"
    good = entry_of({"good.bin": b"good"}, model_id="good")
    bad = entry_of(
        {"model.bin": CONTENT},
        [
            {"kind": "https", "url": address + "/{name}"},
            {"kind": "wheel", "parts": ["no-such-carrier==1.0#{name}"]},
        ],
    )
    (tmp_path / "good.bin").write_bytes(b"good")
    with pytest.raises(ModelLoadError) as caught:
        fetch([bad, good], tmp_path / "models", folders=[tmp_path])
    lines = caught.value.message.splitlines()
    assert lines[0].startswith("model 'tiny' cannot be fetched: model.bin (1.0 MB)")
    assert lines[1:3] == [
        f"  folder {tmp_path}: there is no model.bin",
        f"  {address}: {address.removeprefix('https://')} cannot be reached: no connection",
    ]
    assert lines[3].startswith("  wheel no-such-carrier==1.0: No matching distribution")
    assert any("autovoice models import" in text for text in caught.value.suggestions)
    assert verify(good, tmp_path / "models") == [], "the others are installed all the same"


def test_an_interrupt_stops_every_model_and_leaves_nothing_half_done(web: Web, place: Place) -> None:
    entries = [entry_of({"model.bin": CONTENT}, model_id=f"m{number}") for number in range(6)]

    def interrupt(event: FetchEvent) -> None:
        if event.model == "m0" and event.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install_all(
            entries,
            place.models,
            lambda _: [place.source(web.url + "/{name}")],
            progress=interrupt,
            workers=1,
        )
    assert [path.name for path in place.models.iterdir()] == [".work"]
    assert [path for path in (place.models / ".work").iterdir() if path.is_dir()] == []


PROCESS = """
    import sys
    from pathlib import Path
    from model_carriers import entry_of
    from auto_voice.models.catalogue import SourceEntry
    from auto_voice.models.fetch import install_all
    from auto_voice.models.https import HttpsSource
    from auto_voice.models.sources import Outage

    url, folder = sys.argv[1], Path(sys.argv[2])
    entry = entry_of({"model.bin": bytes(range(256)) * 4096})
    source = HttpsSource(SourceEntry(kind="https", url=url), folder, Outage(), insecure=True)
    changed = install_all([entry], folder / "models", lambda _: [source],
                          progress=lambda event: print(event.state, flush=True))
    print("changed", changed, flush=True)
"""


def test_two_processes_that_want_the_same_model_fetch_it_once(web: Web, tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROCESS), web.url + "/model.bin", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    web.release.clear()
    with start() as first:
        assert web.asked.wait(timeout=30), "the first process is fetching"
        with start() as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting\n"
            web.release.set()
            said = [process.communicate(timeout=30)[0].splitlines() for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert said[0][-1] == "changed ['tiny']"
    assert said[1][-1] == "changed []"
    assert len(web.requests) == 1
