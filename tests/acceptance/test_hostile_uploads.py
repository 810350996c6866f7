"""Every door of a running service against files that were made to hurt it.

Whatever comes in, the service answers soon and with a code that says what was wrong, no process of it dies, and
nothing is opened or called that an upload points to.
"""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import requests

import hostile_archives
import hostile_audio
from auto_voice import errors
from auto_voice.errors import AutoVoiceError
from auto_voice.profiles import ProfileStore, VoiceProfile
from canary import Canary
from service import Service, running_service

pytestmark = [pytest.mark.models, pytest.mark.timeout(1800)]

CODES = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AutoVoiceError)} - {
    AutoVoiceError.code
}
SOON_SECONDS = 60
"""On a busy machine; a hang lasts for ever."""
MUTATIONS = 1000
SEED = 20260131
AT_ONCE = 4


@dataclass(frozen=True)
class House:
    """The service under attack."""

    service: Service
    voice: VoiceProfile
    canary: Canary

    def convert(self, content: bytes) -> requests.Response:
        return self._post("convert/song", {"song": content}, {"target_profile_id": self.voice.profile_id})

    def clone(self, content: bytes) -> requests.Response:
        return self._post("voice/clone", {"audio": content}, {"consent": "true"})

    def process(self, content: bytes) -> requests.Response:
        return self._post("process_audio", {"audio": content}, {})

    def process_json(self, content: bytes) -> requests.Response:
        body = {"audio_data": base64.b64encode(content).decode()}
        return requests.post(f"{self.service.url}/api/v1/process_audio", json=body, timeout=SOON_SECONDS)

    def import_(self, content: bytes) -> requests.Response:
        return self._post("voice/profiles/import", {"archive": content}, {})

    def _post(self, path: str, files: dict[str, bytes], fields: dict[str, str]) -> requests.Response:
        named = {field: ("song.flac", content, "audio/flac") for field, content in files.items()}
        return requests.post(f"{self.service.url}/api/v1/{path}", files=named, data=fields, timeout=SOON_SECONDS)


Door = Callable[[House, bytes], requests.Response]
SOUND_DOORS: Sequence[Door] = (House.convert, House.clone, House.process, House.process_json)
DOORS: Sequence[Door] = (*SOUND_DOORS, House.import_)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A service with simple engines, in which a voice takes a second only, so that bad files come far."""
    folder = tmp_path_factory.mktemp("house")
    canary = Canary(folder)
    wanted = {"limits.min_profile_duration_s": 1, "limits.max_queue_size": 10_000}
    with running_service(folder, wanted, workers=1) as service:
        house = House(service, service.profile(), canary)
        yield house
    canary.close()


@pytest.fixture(autouse=True)
def unharmed(house: House) -> Iterator[None]:
    """After each test: everybody lives, nothing was touched, nothing is left, every job has ended and says how."""
    processes = set(house.service.web_pids() + house.service.worker_pids())
    yield
    ended = [house.service.wait_for(job.job_id, SOON_SECONDS * 5) for job in house.service.store.list(limit=10_000)]
    assert [job.error for job in ended if job.state == "failed" and (job.error or {}).get("code") not in CODES] == []
    assert [job.history for job in ended if job.losses] == []
    assert set(house.service.web_pids() + house.service.worker_pids()) == processes
    assert house.canary.touched() == []
    assert [path.name for path in house.service.settings.storage.temp_dir.iterdir()] == []
    log = house.service.log.read_text(errors="replace")
    assert "Traceback" not in log, log[log.index("Traceback") :][:4000]


def sent(house: House, door: Door, content: bytes, what: str) -> requests.Response:
    """The answer, held to what every answer promises."""
    begun = time.monotonic()
    answer = door(house, content)
    assert time.monotonic() - begun < SOON_SECONDS, what
    assert answer.status_code < 500, f"{what} at {door.__name__}: {answer.text}"
    if answer.status_code >= 400:
        told = answer.json()
        assert told["code"] in CODES, f"{what} at {door.__name__}: {told}"
        assert told["message"]
        assert str(house.service.settings.storage.data_dir) not in answer.text
    return answer


def all_sent(house: House, material: Sequence[tuple[str, Door, bytes]]) -> list[requests.Response]:
    """Everything, several at once; the answers in order."""
    with ThreadPoolExecutor(AT_ONCE) as senders:
        return list(senders.map(lambda each: sent(house, each[1], each[2], each[0]), material))


def test_the_canary_sings(tmp_path: Path) -> None:
    """The other tests would notice if a file was opened or a port called."""
    canary = Canary(tmp_path)
    assert canary.touched() == []
    canary.path.read_bytes()
    assert canary.touched() == ["opened"]
    with contextlib.suppress(requests.RequestException):
        requests.get(canary.url, timeout=0.2)
    assert canary.touched() == ["called"]
    canary.close()


def test_what_is_no_audio(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    """At a door that waits for the work, the refusal is the documented one."""
    bad = {name: bad.make(tmp_path_factory.mktemp("bad")).read_bytes() for name, bad in hostile_audio.BAD.items()}
    material = [(name, door, content) for name, content in bad.items() for door in DOORS]
    for (name, door, _), answer in zip(material, all_sent(house, material), strict=True):
        if door in (House.clone, House.process, House.process_json):
            assert answer.json().get("code") == hostile_audio.BAD[name].code, f"{name} at {door.__name__}"
        elif door is House.import_:
            assert answer.status_code == 400, name


def test_good_audio_of_every_kind(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tones of a second: nobody speaks in them, and that is said."""
    good = {name: good.make(tmp_path_factory.mktemp("good")).read_bytes() for name, good in hostile_audio.GOOD.items()}
    for name, content in good.items():
        if name == "aiff":
            continue  # read, but not among `limits.accepted_mime_types`
        assert sent(house, House.process, content, name).status_code == 200, name
        assert sent(house, House.clone, content, name).json()["code"] in ("low_quality_audio", "audio_too_short"), name


def test_recordings_that_are_poor(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    for make in (hostile_audio.quiet, hostile_audio.noise, hostile_audio.clipped, hostile_audio.short):
        content = make(tmp_path_factory.mktemp("poor")).read_bytes()
        for door in SOUND_DOORS:
            sent(house, door, content, make.__name__)
        assert house.clone(content).status_code in (400, 422)


def pointers(canary: Canary) -> dict[str, bytes]:
    """Files that point to the canary, in every way that players are known to follow."""
    path, url = str(canary.path), canary.url
    port = url.split(":")[2].partition("/")[0]
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n".encode()
    concat = f"ffconcat version 1.0\nfile '{path}'\nfile '{url}'\n".encode()
    id3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    flac = b"fLaC\0\0\0\x22" + bytes(34)
    wav = b"RIFF" + len(playlist).to_bytes(4, "little") + b"WAVE"
    return {
        "an HLS playlist": playlist,
        "an HLS playlist with a key": playlist.replace(
            b"#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF'.encode(), 1
        ),
        "an HLS playlist with a map": playlist.replace(
            b"#EXTINF", f'#EXT-X-MAP:URI="file://{path}"\n#EXTINF'.encode(), 1
        ),
        "an HLS playlist by concat": playlist.replace(
            path.encode(), f"concat:{path}|subfile,,start,0,end,9,,:{path}".encode()
        ),
        "a concat script": concat,
        "a concat script of options": concat + f"option safe 0\nfile file:{path}\n".encode(),
        "a DASH manifest": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        f"<Period><AdaptationSet><Representation><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>".encode(),
        "an entity": f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file://{path}">]><smil>&x;</smil>'.encode(),
        "an SDP": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n".encode(),
        "a PLS": f"[playlist]\nFile1={url}\nFile2=file://{path}\nNumberOfEntries=2\n".encode(),
        "a cue sheet": f'FILE "{path}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'.encode(),
        "a path": path.encode(),
        "a URL": url.encode(),
        "a playlist behind an ID3 tag": id3 + playlist,
        "a playlist in a WAV": wav + playlist,
        "a playlist behind a FLAC's header": flac + playlist,
        "a playlist behind silence": hostile_audio.tone().tobytes()[:4096] + playlist,
        "a playlist in an Ogg page": b"OggS\0\2" + bytes(20) + b"\1\xff" + playlist,
        "a playlist in an MP4": len(playlist).to_bytes(4, "big") + b"ftypM4A " + playlist,
        "a playlist in a WebM": b"\x1a\x45\xdf\xa3\x80" + playlist,
    }


def test_nothing_is_opened_that_a_file_points_to(house: House, tmp_path: Path) -> None:
    files = pointers(house.canary)
    elsewhere = bytearray(hostile_audio.m4a_pointing_elsewhere(tmp_path).read_bytes())
    files["an MP4 whose sound is elsewhere"] = bytes(elsewhere)
    material = [(name, door, content) for name, content in files.items() for door in DOORS]
    for (name, door, _), answer in zip(material, all_sent(house, material), strict=True):
        assert answer.status_code in (400, 413), f"{name} at {door.__name__}: {answer.text}"
    assert house.canary.touched() == []


def test_what_is_two_things_at_once(house: House, tmp_path: Path, archive: bytes) -> None:
    """Sound with something behind it is sound; whatever it says, it is never unpacked or followed."""
    flac = hostile_audio.GOOD["flac 16 bit"].make(tmp_path).read_bytes()
    wav = hostile_audio.GOOD["wav 16 bit"].make(tmp_path).read_bytes()
    script = b"<script>alert(1)</script>" * 100
    both = {
        "a FLAC and an archive": flac + archive,
        "a WAV and an archive": wav + archive,
        "an archive and a FLAC": archive + flac,
        "a WAV and a page": wav + script,
        "a page and a WAV": script + wav,
        "a WAV and a playlist": wav + pointers(house.canary)["an HLS playlist"],
        "a WAV in a FLAC": flac + wav,
    }
    all_sent(house, [(name, door, content) for name, content in both.items() for door in DOORS])


@pytest.fixture(scope="module")
def archive(house: House, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("archive") / "voice.zip"
    ProfileStore(house.service.settings).export(house.voice.profile_id, path)
    return path.read_bytes()


@pytest.mark.parametrize("name", hostile_archives.BAD)
def test_archives(house: House, archive: bytes, name: str) -> None:
    make, (status, code) = hostile_archives.BAD[name]
    voices = ProfileStore(house.service.settings).count()
    answer = sent(house, House.import_, make(archive), name)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert ProfileStore(house.service.settings).count() == voices


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """The file with something wrong with it: at the beginning, where headers are, as often as anywhere."""
    data = bytearray(content)
    reach = min(len(data), 512) if random.random() < 0.5 else len(data)
    for _ in range(random.integers(1, 9)):
        place, length = int(random.integers(0, reach)), int(random.integers(1, 65))
        kind = random.integers(0, 6)
        if kind == 0:
            data[place : place + 1] = random.bytes(1)
        elif kind == 1:
            data[place : place + length] = random.bytes(length)
        elif kind == 2:
            data[place : place + length] = b"\xff" * length if random.random() < 0.5 else bytes(length)
        elif kind == 3:
            del data[place : place + length]
        elif kind == 4:
            data[place:place] = data[place : place + length]
        else:
            data[place:place] = random.bytes(length)
    if random.random() < 0.15:
        del data[random.integers(1, len(data)) :]
    return bytes(data)


def test_a_thousand_mutations(house: House, archive: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files of every format with something wrong in them, in turn at every door that takes the format."""
    random = np.random.default_rng(SEED)
    makers = {name: good.make for name, good in hostile_audio.GOOD.items()}
    good = [(name, make(tmp_path_factory.mktemp("good")).read_bytes()) for name, make in makers.items()]
    good += [("archive", archive)] * 4
    material: list[tuple[str, Door, bytes]] = []
    for number in range(MUTATIONS):
        name, content = good[number % len(good)]
        door = House.import_ if name == "archive" else SOUND_DOORS[number // len(good) % len(SOUND_DOORS)]
        material.append((f"mutation {number} of {name}", door, mutated(content, random)))
    answers = all_sent(house, material)
    accepted = sum(answer.status_code < 300 for answer in answers)
    assert 50 < accepted < MUTATIONS - 50, "mutations that all pass, or none, show nothing"


def test_it_works_as_before(house: House, tmp_path: Path) -> None:
    """After all that a good recording is heard as ever."""
    content = hostile_audio.GOOD["flac 16 bit"].make(tmp_path).read_bytes()
    told = sent(house, House.process, content, "a good file").json()
    assert told["metadata"]["duration_seconds"] == pytest.approx(1.0)
