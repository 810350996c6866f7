"""Ids become paths in one place, and no text becomes a path that leads elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from auto_voice.config import Settings
from auto_voice.errors import ConversionNotFoundError, InvalidParametersError, ProfileNotFoundError, StorageError
from auto_voice.storage.paths import CACHE_KINDS, Paths, is_profile_id

PROFILE = "550e8400-e29b-41d4-a716-446655440000"
JOB = f"conv-{PROFILE}"
HOSTILE: list[Any] = [
    "",
    "..",
    "../" + PROFILE,
    PROFILE + "/..",
    PROFILE + "\n",
    PROFILE + "\0",
    PROFILE.upper(),
    PROFILE.replace("-", ""),
    PROFILE.replace("5", "５"),  # a full-width digit
    "/etc/passwd",
    "x" * 100_000,
    "{" + PROFILE + "}",
    None,
    7,
    PROFILE.encode(),
]


@pytest.fixture
def paths(settings: Settings) -> Paths:
    return Paths(settings)


def test_a_profiles_files_stand_side_by_side(paths: Paths, settings: Settings) -> None:
    folder = settings.storage.voice_profiles_dir

    assert paths.profile_json(PROFILE) == folder / f"{PROFILE}.json"
    assert paths.profile_embedding(PROFILE) == folder / f"{PROFILE}_embedding.npy"
    assert paths.profile_reference(PROFILE) == folder / f"{PROFILE}_reference.flac"
    assert paths.profile_voice_state(PROFILE, "retrieval") == folder / f"{PROFILE}_retrieval.safetensors"


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:20])
def test_what_cannot_be_a_profile_id_is_not_found(paths: Paths, settings: Settings, text: Any) -> None:
    assert not is_profile_id(text)
    for path_of in (paths.profile_json, paths.profile_embedding, paths.profile_reference):
        with pytest.raises(ProfileNotFoundError):
            path_of(text)
    assert not settings.storage.data_dir.exists()


@pytest.mark.parametrize("text", [*HOSTILE, PROFILE, JOB + "/x", "conv-" + PROFILE.replace("-4", "-1", 1)], ids=lambda text: repr(text)[:20])  # fmt: skip # noqa: E501
def test_what_cannot_be_a_jobs_id_is_refused(paths: Paths, settings: Settings, text: Any) -> None:
    with pytest.raises(ConversionNotFoundError):
        paths.job_dir(text)
    assert not settings.storage.data_dir.exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "-x", "a.b", "x" * 65, "é", None])
def test_engines_names_are_checked_too(paths: Paths, name: Any) -> None:
    with pytest.raises(InvalidParametersError):
        paths.profile_voice_state(PROFILE, name)


def test_caches_are_those_of_the_runbook(paths: Paths, settings: Settings) -> None:
    assert [paths.cache_dir(kind).name for kind in CACHE_KINDS] == [
        "separations",
        "conversions",
        "pitch",
        "content",
    ]
    with pytest.raises(InvalidParametersError, match="there are separations, conversions"):
        paths.cache_dir("../x")  # type: ignore[arg-type]


def test_folders_are_made_when_asked_for_and_for_their_owner_only(paths: Paths, settings: Settings) -> None:
    assert not settings.storage.data_dir.exists()
    for folder in (paths.profiles_dir(), paths.temp_dir(), paths.metrics_dir()):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert settings.storage.data_dir.stat().st_mode & 0o777 == 0o700


def test_each_attempt_at_a_job_has_a_folder_of_its_own(paths: Paths, settings: Settings) -> None:
    folder = settings.storage.conversions_dir / JOB

    assert paths.job_input(JOB, 1) == folder / "input-1"
    assert paths.attempt_dir(JOB, 2) == folder / "attempt-2"
    assert paths.job_ids() == []
    folder.mkdir(parents=True)
    (folder.parent / "conv-other").mkdir()
    assert paths.job_ids() == [JOB]


def test_a_folder_that_exists_stays_as_it_is(paths: Paths, settings: Settings) -> None:
    folder = settings.storage.temp_dir
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    assert paths.temp_dir().stat().st_mode & 0o777 == 0o755


def test_a_file_in_the_place_of_a_folder_is_named(paths: Paths, settings: Settings) -> None:
    settings.storage.data_dir.parent.mkdir(parents=True, exist_ok=True)
    settings.storage.data_dir.write_text("in the way")
    with pytest.raises(StorageError, match="voice_profiles"):
        paths.profiles_dir()


def test_profiles_are_found_by_their_names_only(paths: Paths) -> None:
    assert paths.profile_ids() == []
    folder = paths.profiles_dir()
    for name in (f"{PROFILE}.json", f"{PROFILE}_embedding.npy", "notes.json", f"{PROFILE}.json.bak"):
        (folder / name).touch()
    assert paths.profile_ids() == [PROFILE]
