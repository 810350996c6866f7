"""Voices over HTTP: learnt, listed, shown, handed over and deleted, each for its owner alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

import hostile_audio
from auto_voice.errors import AudioTooShortError, LowQualityAudioError
from auto_voice.jobs.job import Job
from auto_voice.profiles import VoiceProfile
from auto_voice.profiles.profile import sample_hash
from auto_voice.web.models.voice import ProfileDeleted, ProfileList, ProfileWithUsage
from auto_voice.web.routes import voice
from line_worker import line_worker
from simple_engines import make_profile
from web_house import SONG, WebHouse

CLONE, PROFILES = "/api/v1/voice/clone", "/api/v1/voice/profiles"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
DAMAGED_WITHIN = [
    "NaN",
    "infinite",
    "flac with a hole",
    *(name for name in hostile_audio.BAD if name.startswith("cut ")),
]

OTHER = SONG[:-4] + bytes(4)


def clone(house: WebHouse, *recordings: bytes, headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
    form = MultiDict([("audio", (io.BytesIO(each), "me.wav")) for each in recordings or (SONG,)])
    form.update(fields)
    return house.client.post(CLONE, data=form, headers=headers)


def learnt(house: WebHouse, job: Job) -> dict[str, Any]:
    """What a worker makes of an order for a voice."""
    asked = job.parameters
    profile = make_profile(house.settings, asked["profile_name"], job.owner, asked["description"])
    changed = {"profile_id": asked["profile_id"], "consent": asked["consent"]}
    return profile.model_dump(mode="json") | changed


def refused(answer: TestResponse, status: int, code: str) -> str:
    """The message of a refusal, which is one of ours."""
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    return str(answer.json["message"])


@pytest.fixture
def strict_house(tmp_path: Path) -> Iterator[WebHouse]:
    """A service that wants keys, and consent for every voice."""
    house = WebHouse(tmp_path / "house", security__api_key_required="true", security__require_consent="true")
    yield house
    house.services.database.dispose()


class TestClone:
    def test_the_answer_is_the_profile(self, house: WebHouse) -> None:
        with line_worker(house, lambda job: learnt(house, job)) as taken:
            answer = clone(house, user_id="ada", profile_name="Ada's", description="low", from_song="true")
        assert answer.status_code == 201
        profile = VoiceProfile.model_validate(answer.json)
        assert (profile.user_id, profile.profile_name, profile.description) == ("ada", "Ada's", "low")
        (job,) = taken
        assert job.parameters == {
            "profile_id": profile.profile_id,
            "profile_name": "Ada's",
            "description": "low",
            "inputs": 1,
            "from_song": True,
            "consent": None,
        }
        assert job.input_hash == sha256(SONG).hexdigest()
        assert house.services.paths.job_input(job.job_id).read_bytes() == SONG

    def test_the_runbooks_bare_curl_is_enough(self, house: WebHouse) -> None:
        with line_worker(house, lambda job: learnt(house, job)):
            assert clone(house, user_id="user123").json["profile_name"] == "My voice"

    def test_several_samples_and_other_names(self, house: WebHouse) -> None:
        form = MultiDict([("reference_audio", (io.BytesIO(each), "x")) for each in (SONG, OTHER)])
        form["name"] = "007"
        with line_worker(house, lambda job: learnt(house, job)) as taken:
            assert house.client.post(CLONE, data=form).json["profile_name"] == "007"
        stored = [house.services.paths.job_input(taken[0].job_id, number).read_bytes() for number in range(2)]
        assert stored == [SONG, OTHER]
        assert taken[0].input_hash == sample_hash([sha256(SONG).hexdigest(), sha256(OTHER).hexdigest()])
        assert taken[0].work_seconds == pytest.approx(3.0)

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (AudioTooShortError("1.5 s, 30 s are needed", suggestions=["Record more."]), 400, "audio_too_short"),
            (LowQualityAudioError("too noisy"), 422, "low_quality_audio"),
        ],
    )
    def test_the_workers_refusal_is_the_answer(self, house: WebHouse, error: Exception, status: int, code: str) -> None:
        def refuse(job: Job) -> dict[str, Any]:
            raise error

        with line_worker(house, refuse):
            answer = clone(house)
        assert refused(answer, status, code) == str(error)

    def test_without_a_worker_it_is_worth_asking_again(self, house: WebHouse) -> None:
        answer = clone(house)
        refused(answer, 503, "service_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert house.files() == set()

    def test_the_same_key_gives_the_same_voice(self, house: WebHouse) -> None:
        key = {"Idempotency-Key": "once"}
        with line_worker(house, lambda job: learnt(house, job)) as taken:
            first, again = (clone(house, headers=key, consent="true") for _ in range(2))
            other = clone(house, headers=key, consent="true", profile_name="Eve")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json == again.json
        assert len(taken) == 1
        refused(other, 409, "conflict")

    def test_consent_is_kept_with_the_voice_and_in_the_table(self, locked_house: WebHouse) -> None:
        house, ada = locked_house, locked_house.key("ada")
        with line_worker(house, lambda job: learnt(house, job)):
            made = clone(house, headers=ada, consent="true").json
        assert made["consent"]["confirmed_by"] == "ada"
        assert made["consent"]["sample_sha256"] == sha256(SONG).hexdigest()
        record = house.services.consents.get(made["profile_id"])
        assert record is not None
        assert (record.confirmed_by, record.sample_sha256) == ("ada", sha256(SONG).hexdigest())

    def test_where_consent_is_required_nothing_goes_without(self, strict_house: WebHouse) -> None:
        house, ada = strict_house, strict_house.key("ada")
        with line_worker(house, lambda job: learnt(house, job)) as taken:
            for answer in (clone(house, headers=ada), clone(house, headers=ada, consent="false")):
                assert "consent=true" in refused(answer, 400, "invalid_parameters")
        assert taken == []

    @pytest.mark.parametrize(
        "fields",
        [
            {"profile_name": "a\0b"},
            {"profile_name": "line\nbreak"},
            {"profile_name": "\u202eevil"},
            {"profile_name": ""},
            {"profile_name": "x" * 101},
            {"profile_name": "x" * 10_000},
            {"description": "\x1b[31m"},
            {"user_id": "\x7f"},
            {"consent": "perhaps"},
            {"from_song": "2"},
        ],
    )
    def test_names_that_cannot_be(self, house: WebHouse, fields: dict[str, str]) -> None:
        with line_worker(house, lambda job: learnt(house, job)) as taken:
            refused(clone(house, **fields), 400, "invalid_parameters")
        assert taken == []
        assert house.files() == set()

    def test_a_name_of_megabytes_is_not_even_read(self, house: WebHouse) -> None:
        assert clone(house, profile_name="x" * 5_000_000).status_code == 413

    def test_without_a_recording(self, house: WebHouse) -> None:
        with line_worker(house, lambda job: learnt(house, job)):
            refused(house.client.post(CLONE, data={"user_id": "x"}), 400, "missing_required_field")
            answer = house.client.post(CLONE, data={"audio": "no file"}, content_type="multipart/form-data")
            refused(answer, 400, "invalid_parameters")

    def test_what_is_no_audio_is_refused_at_the_door(
        self, house: WebHouse, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """The door looks as far as headers tell; damage further in is met when it is decoded."""
        with line_worker(house, lambda job: learnt(house, job)) as taken:
            for name, bad in hostile_audio.BAD.items():
                answer = clone(house, bad.make(tmp_path_factory.mktemp("bad")).read_bytes())
                if taken:
                    assert name in DAMAGED_WITHIN
                    taken.clear()
                else:
                    refused(answer, 413 if bad.code == "file_too_large" else 400, bad.code)

    def test_more_samples_than_a_voice_takes(self, house: WebHouse) -> None:
        with line_worker(house, lambda job: learnt(house, job)) as taken:
            assert clone(house, *[b"x"] * 51).status_code == 400
        assert taken == []


class TestList:
    def test_every_part_of_the_list(self, house: WebHouse) -> None:
        for number in range(4):
            make_profile(house.settings, f"voice {number}", "ada")
        answer = house.client.get(PROFILES, query_string={"user_id": "ada", "sort_by": "profile_name", "order": "asc"})
        told = ProfileList.model_validate(answer.json)
        assert [profile.profile_name for profile in told.profiles] == [f"voice {number}" for number in range(4)]
        assert answer.json["pagination"] == {
            "total": 4,
            "limit": 100,
            "offset": 0,
            "has_more": False,
            "page": 1,
            "per_page": 100,
            "total_pages": 1,
        }

    @pytest.mark.parametrize(
        ("asked", "names", "pagination"),
        [
            ({"limit": 2}, ["a", "b"], {"has_more": True, "page": 1, "total_pages": 3}),
            ({"limit": 2, "offset": 4}, ["e"], {"has_more": False, "page": 3, "total_pages": 3}),
            ({"page": 2, "per_page": 2}, ["c", "d"], {"has_more": True, "offset": 2, "limit": 2}),
            ({"page": 2}, [], {"has_more": False, "per_page": 20, "total_pages": 1}),
            ({"offset": 1_000_000}, [], {"has_more": False, "total": 5}),
        ],
    )
    def test_pages(
        self, house: WebHouse, asked: dict[str, int], names: list[str], pagination: dict[str, object]
    ) -> None:
        for name in "abcde":
            make_profile(house.settings, name, "ada")
        query = {"user_id": "ada", "sort_by": "profile_name", "order": "asc", **asked}
        told = house.client.get(PROFILES, query_string=query).json
        assert [profile["profile_name"] for profile in told["profiles"]] == names
        assert told["pagination"].items() >= pagination.items()

    @pytest.mark.parametrize(
        "asked",
        [
            {"limit": 0},
            {"limit": -1},
            {"limit": 101},
            {"limit": "many"},
            {"limit": "1e3"},
            {"offset": -1},
            {"offset": "9" * 5000},
            {"page": 0},
            {"per_page": 1000},
            {"page": 1, "limit": 5},
            {"sort_by": "voice_states"},
            {"sort_by": "__class__"},
            {"order": "up"},
            {"user_id": "a\0b"},
            {"user_id": "x" * 1000},
        ],
    )
    def test_nonsense(self, house: WebHouse, asked: dict[str, object]) -> None:
        refused(house.client.get(PROFILES, query_string=asked), 400, "invalid_parameters")


class TestOne:
    def test_with_its_use(self, house: WebHouse) -> None:
        told = house.client.get(f"{PROFILES}/{house.voice}").json
        assert ProfileWithUsage.model_validate(told).usage_stats.total_conversions == 0
        house.completed()
        told = house.client.get(f"{PROFILES}/{house.voice}").json
        assert told["usage_stats"]["total_conversions"] == 1
        assert told["usage_stats"]["last_used"].endswith("Z")

    def test_deleted_it_is_gone_with_all_its_files(self, house: WebHouse) -> None:
        answer = house.client.delete(f"{PROFILES}/{house.voice}")
        assert answer.status_code == 200
        assert ProfileDeleted.model_validate(answer.json).profile_id == house.voice
        refused(house.client.get(f"{PROFILES}/{house.voice}"), 404, "profile_not_found")
        refused(house.client.delete(f"{PROFILES}/{house.voice}"), 404, "profile_not_found")
        assert list(house.settings.storage.voice_profiles_dir.glob(f"{house.voice}*")) == []

    def test_ids_that_are_none(self, house: WebHouse) -> None:
        for name in (UNKNOWN, "x", "..", "%2e%2e%2fetc", "..%2f..%2fpasswd", "%00", "A" * 5000):
            for end in ("", "/export", "/preview"):
                answer = house.client.get(f"{PROFILES}/{name}{end}")
                assert answer.status_code == 404
                assert answer.json["code"] in ("profile_not_found", "file_not_found")

    def test_what_others_have_does_not_exist(self, locked_house: WebHouse) -> None:
        house = locked_house
        ada, bob, root = house.key("ada"), house.key("bob"), house.key("root", "admin")
        adas = make_profile(house.settings, "Ada", "ada").profile_id
        for method, path in [("get", ""), ("delete", ""), ("get", "/export"), ("get", "/preview")]:
            ask = getattr(house.client, method)
            strange = ask(f"{PROFILES}/{adas}{path}", headers=bob)
            missing = ask(f"{PROFILES}/{UNKNOWN}{path}", headers=bob)
            assert strange.status_code == missing.status_code == 404
            assert strange.json == missing.json
            strange = ask(f"{PROFILES}/{adas}{path}?user_id=ada", headers=bob)
            missing = ask(f"{PROFILES}/{UNKNOWN}{path}?user_id=ada", headers=bob)
            assert strange.status_code == missing.status_code == 404
            assert strange.json == missing.json
        assert house.client.get(PROFILES, headers=bob).json["profiles"] == []
        refused(house.client.get(f"{PROFILES}?user_id=ada", headers=bob), 404, "profile_not_found")
        assert clone(house, headers=bob, consent="true", user_id="ada").status_code == 404
        assert house.client.get(f"{PROFILES}/{adas}", headers=ada).status_code == 200
        assert house.client.get(f"{PROFILES}/{adas}", headers=root).status_code == 200
        assert [each["user_id"] for each in house.client.get(PROFILES, headers=ada).json["profiles"]] == ["ada"]


def exported(house: WebHouse, headers: dict[str, str] | None = None, voice: str | None = None) -> bytes:
    answer = house.client.get(f"{PROFILES}/{voice or house.voice}/export", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type == "application/zip"
    assert answer.content_length == len(answer.data)
    return answer.data


def imported(house: WebHouse, archive: bytes, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    form = {"archive": (io.BytesIO(archive), "voice.zip"), **fields}
    return house.client.post(f"{PROFILES}/import", data=form, headers=headers)


class TestArchives:
    def test_a_voice_goes_and_comes_back(self, house: WebHouse) -> None:
        before = house.client.get(f"{PROFILES}/{house.voice}").json
        archive = exported(house)
        assert house.files() == set()
        house.client.delete(f"{PROFILES}/{house.voice}")
        answer = imported(house, archive)
        assert answer.status_code == 201
        assert answer.json["profile_id"] != house.voice
        for same in ("profile_name", "user_id", "vocal_range", "quality_metrics", "created_at"):
            assert answer.json[same] == before[same]
        assert house.files() == set()

    def test_whose_it_becomes(self, locked_house: WebHouse) -> None:
        """The importer's; not the one whom the archive names."""
        house = locked_house
        ada, bob = house.key("ada"), house.key("bob")
        adas = make_profile(house.settings, "Ada", "ada").profile_id
        answer = imported(house, exported(house, ada, adas), bob, consent="true")
        assert answer.json["user_id"] == "bob"
        assert answer.json["consent"]["confirmed_by"] == "bob"
        assert house.services.consents.get(answer.json["profile_id"]).confirmed_by == "bob"
        assert imported(house, exported(house, ada, adas), bob, consent="true", user_id="ada").status_code == 404

    def test_consent_is_asked_at_this_door_too(self, strict_house: WebHouse) -> None:
        house, ada = strict_house, strict_house.key("ada")
        adas = make_profile(house.settings, "Ada", "ada").profile_id
        assert "consent=true" in refused(imported(house, exported(house, ada, adas), ada), 400, "invalid_parameters")

    @pytest.mark.parametrize("content", [b"", b"PK", b"no zip" * 1000, SONG, b"PK\5\6" + bytes(18)])
    def test_what_is_no_archive(self, house: WebHouse, content: bytes) -> None:
        refused(imported(house, content), 400, "invalid_parameters")
        assert house.files() == set()

    def test_bombs_and_strange_members(self, house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
        archive = exported(house)
        monkeypatch.setattr(voice, "_LARGEST_IMPORT", 8 << 20)
        bomb = changed(archive, {f"voice_state_x{n}.safetensors": bytes(2 << 20) for n in range(5)})
        assert len(bomb) < 1 << 20
        assert "8 MiB" in refused(imported(house, bomb), 413, "file_too_large")
        for name in ("../../evil.json", "/etc/passwd", "a/b", "voice_state_../x.safetensors", "inner.zip"):
            refused(imported(house, changed(archive, {name: archive})), 400, "invalid_parameters")
        assert len(house.services.profiles.list()) == 1
        assert house.files() == set()

    def test_an_archive_larger_than_an_upload_may_be(self, house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
        limits = house.settings.limits.model_copy(update={"max_audio_size_mb": 1})
        changed_settings = house.settings.model_copy(update={"limits": limits})
        object.__setattr__(house.services, "settings", changed_settings)
        refused(imported(house, bytes(2 << 20)), 413, "file_too_large")


def changed(archive: bytes, more: dict[str, bytes]) -> bytes:
    """The archive with other members, and a manifest that says so."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        members = {name: source.read(name) for name in source.namelist()} | more
    manifest = json.loads(members["manifest.json"])
    manifest["files"] = {
        name: {"sha256": sha256(content).hexdigest()} for name, content in members.items() if name != "manifest.json"
    }
    members["manifest.json"] = json.dumps(manifest).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


class TestPreview:
    def test_it_is_made_once(self, house: WebHouse) -> None:
        with line_worker(house, lambda job: spoken(house, job)) as taken:
            first = house.client.get(f"{PROFILES}/{house.voice}/preview?format=wav")
            again = house.client.get(f"{PROFILES}/{house.voice}/preview?format=wav")
        assert (first.status_code, first.data, first.content_type) == (200, SONG, "audio/wav")
        assert again.data == SONG
        (job,) = taken
        assert (job.kind, job.owner, job.parameters["voice"]) == ("stream", "default", house.voice)
        etag = {"If-None-Match": first.headers["ETag"]}
        assert house.client.get(f"{PROFILES}/{house.voice}/preview?format=wav", headers=etag).status_code == 304

    def test_a_part_of_it(self, house: WebHouse) -> None:
        path = f"{PROFILES}/{house.voice}/preview?format=wav"
        with line_worker(house, lambda job: spoken(house, job)):
            answer = house.client.get(path, headers={"Range": "bytes=4-11"})
        assert (answer.status_code, answer.data) == (206, SONG[4:12])
        assert house.client.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416
        assert house.client.get(path, headers={"Range": "bytes=0-1,4-5"}).status_code == 200

    def test_it_goes_with_the_voice(self, house: WebHouse) -> None:
        with line_worker(house, lambda job: spoken(house, job)):
            house.client.get(f"{PROFILES}/{house.voice}/preview")
        kept = house.services.paths.profile_preview(house.voice, "mp3")
        assert kept.is_file()
        house.client.delete(f"{PROFILES}/{house.voice}")
        assert not kept.exists()

    def test_of_a_voice_that_is_deleted_meanwhile_nothing_stays(self, house: WebHouse) -> None:
        def speak_and_delete(job: Job) -> dict[str, Any]:
            result = spoken(house, job)
            house.services.profiles.delete(house.voice)
            return result

        with line_worker(house, speak_and_delete):
            refused(house.client.get(f"{PROFILES}/{house.voice}/preview"), 404, "profile_not_found")
        assert not house.services.paths.profile_preview(house.voice, "mp3").exists()

    def test_without_a_worker(self, house: WebHouse) -> None:
        refused(house.client.get(f"{PROFILES}/{house.voice}/preview"), 503, "service_unavailable")

    def test_another_format(self, house: WebHouse) -> None:
        refused(house.client.get(f"{PROFILES}/{house.voice}/preview?format=exe"), 400, "invalid_parameters")


def spoken(house: WebHouse, job: Job) -> dict[str, Any]:
    """What a worker makes of a sentence."""
    name = f"speech.{job.parameters['format']}"
    folder = house.services.paths.attempt_dir(job.job_id, job.attempt)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(SONG)
    return {"attempt": job.attempt, "files": {name: {"size": len(SONG), "sha256": "", "mime": "audio/wav"}}}
