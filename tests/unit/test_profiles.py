"""Voice profiles on disk: whole or not there, whoever asks, whatever happened to the files."""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import InvalidParametersError, NotFoundError, ProfileNotFoundError, StorageError
from auto_voice.profiles import ProfileStore
from auto_voice.profiles import folder as folder_module
from auto_voice.profiles.profile import sample_hash
from simple_engines import adaptation, make_profile

STATE = {"envelopes": np.arange(6, dtype=np.float16).reshape(2, 3)}


@pytest.fixture
def store(settings: Settings) -> ProfileStore:
    return ProfileStore(settings)


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.storage.voice_profiles_dir


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_a_profile_comes_back_as_it_was_stored(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings, "Ada", retrieval=STATE)

    assert store.get(made.profile_id) == made
    assert store.load_embedding(made.profile_id).shape == (256,)
    assert store.load_reference(made.profile_id).duration == pytest.approx(4.0)
    np.testing.assert_array_equal(store.load_voice_state(made.profile_id, "retrieval")["envelopes"], STATE["envelopes"])


def test_the_reference_keeps_its_rate_and_24_bits(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings)
    quiet = Audio((np.sin(np.arange(48000) / 9) * 2e-4).astype(np.float32)[None], 48000)
    again = store.create(
        made.model_copy(update={"profile_id": "0b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e"}),
        embedding=store.load_embedding(made.profile_id),
        reference=quiet,
    )
    loaded = store.load_reference(again.profile_id)

    assert loaded.sample_rate == 48000
    np.testing.assert_allclose(loaded.samples, quiet.samples, atol=2**-23)


def test_the_json_on_disk_is_the_public_one(settings: Settings, folder: Path) -> None:
    made = make_profile(settings, retrieval=STATE)
    document = json.loads((folder / f"{made.profile_id}.json").read_text())

    assert document["created_at"].endswith("Z")
    assert set(document["audio_info"]) >= {"duration_seconds", "sample_rate", "channels", "format", "file_size_bytes"}
    assert set(document["vocal_range"]) >= {"min_pitch_hz", "max_pitch_hz", "min_note", "max_note", "range_semitones"}
    assert set(document["quality_metrics"]) >= {"snr_db", "quality_score"}
    assert set(document["embedding_info"]) >= {"model", "dimensions"}
    assert document["voice_states"]["retrieval"]["file"] == f"{made.profile_id}_retrieval.safetensors"
    assert names(folder) == {
        f"{made.profile_id}{ending}"
        for ending in (".json", "_embedding.npy", "_reference.flac", "_retrieval.safetensors")
    }


@pytest.mark.parametrize("name", ["José", "歌手の声", "my voice 👩‍🎤", "a/b\\c", "..", "x" * 100])
def test_names_in_any_script_are_fine(settings: Settings, store: ProfileStore, name: str) -> None:
    made = make_profile(settings, name, user_id=name)
    assert store.find(name, user_id=name) == made


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", "a\0b", "\u202egnp.exe", "\ud800", "x" * 1_000_000])
def test_names_that_cannot_be_shown_are_refused(settings: Settings, name: str) -> None:
    with pytest.raises(InvalidParametersError, match=r"profile_name|user_id"):
        make_profile(settings, name)
    with pytest.raises(InvalidParametersError, match="user_id"):
        make_profile(settings, user_id=name)


def test_the_same_name_composed_differently_is_the_same_name(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings, "Zoe\u0308")
    assert made.profile_name == "Zo\u00eb"
    assert store.find("zo\u00eb") == made


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 36, "x.json", "550E8400-E29B-41D4-A716-446655440000"])
def test_what_cannot_be_an_id_is_not_found(store: ProfileStore, folder: Path, name: str) -> None:
    for ask in (store.get, store.delete, store.load_embedding, store.load_reference):
        with pytest.raises(ProfileNotFoundError):
            ask(name)
    assert not folder.exists()


def test_another_users_profile_is_not_found(settings: Settings, store: ProfileStore, tmp_path: Path) -> None:
    made = make_profile(settings, user_id="ada")

    for ask in (store.get, store.find, store.delete):
        with pytest.raises(ProfileNotFoundError):
            ask(made.profile_id, "eve")
    with pytest.raises(ProfileNotFoundError):
        store.export(made.profile_id, tmp_path / "stolen.zip", "eve")
    assert store.list("eve") == []
    assert store.get(made.profile_id, "ada") == made


def test_lists_are_sorted_and_cut(settings: Settings, store: ProfileStore) -> None:
    for index, name in enumerate(["Bo", "ada", "Cy"]):
        profile = make_profile(settings, name)
        later = datetime(2030, 1, 1 + index, tzinfo=timezone.utc)
        path = settings.storage.voice_profiles_dir / f"{profile.profile_id}.json"
        path.write_text(profile.model_copy(update={"created_at": later}).model_dump_json())

    def listed(**how: object) -> list[str]:
        return [profile.profile_name for profile in store.list(**how)]  # type: ignore[arg-type]

    assert listed() == ["Cy", "ada", "Bo"]
    assert listed(sort_by="profile_name", order="asc") == ["ada", "Bo", "Cy"]
    assert listed(limit=1, offset=1) == ["ada"]
    assert store.count() == 3
    for wrong in ({"limit": -1}, {"offset": -1}, {"sort_by": "__class__"}, {"order": "up"}):
        with pytest.raises(InvalidParametersError):
            listed(**wrong)


def test_a_profile_is_found_by_the_beginning_of_its_id(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings, "Ada")
    make_profile(settings, "Bo")

    assert store.find(made.profile_id[:8]) == made
    with pytest.raises(ProfileNotFoundError):
        store.find(made.profile_id[:3])


def test_a_name_that_means_two_is_not_guessed(settings: Settings, store: ProfileStore) -> None:
    both = {make_profile(settings, "Ada").profile_id, make_profile(settings, "ada").profile_id}
    with pytest.raises(InvalidParametersError) as caught:
        store.find("ADA")
    assert {suggestion[:36] for suggestion in caught.value.suggestions} == both


def test_a_misspelt_name_gets_a_suggestion(settings: Settings, store: ProfileStore) -> None:
    make_profile(settings, "Singing voice")
    with pytest.raises(ProfileNotFoundError) as caught:
        store.find("Singing vice")
    assert "Did you mean 'Singing voice'?" in caught.value.suggestions


def test_deleting_leaves_nothing(settings: Settings, store: ProfileStore, folder: Path) -> None:
    made, kept = make_profile(settings, retrieval=STATE), make_profile(settings)
    store.delete(made.profile_id)

    assert {name[:36] for name in names(folder)} == {kept.profile_id}
    with pytest.raises(ProfileNotFoundError):
        store.delete(made.profile_id)


def test_a_state_learnt_later_is_added(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings, retrieval=STATE)
    with pytest.raises(NotFoundError, match="neural"):
        store.load_voice_state(made.profile_id, "neural")
    store.save_voice_state(made.profile_id, "neural", {"w": np.ones(2, np.float32)})

    assert set(store.get(made.profile_id).voice_states) == {"retrieval", "neural"}
    assert store.load_voice_state(made.profile_id, "neural")["w"].sum() == 2


def test_an_adaptation_is_kept_as_long_as_the_state_it_made(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings, retrieval=STATE)
    assert made.adaptation is None

    adapted = store.save_voice_state(made.profile_id, "neural", STATE, adaptation("neural"))
    assert store.get(made.profile_id) == adapted
    assert adapted.adaptation == adaptation("neural").model_copy(update={"adapted_at": adapted.adaptation.adapted_at})
    assert store.save_voice_state(made.profile_id, "retrieval", STATE).adaptation == adapted.adaptation
    assert store.save_voice_state(made.profile_id, "neural", STATE).adaptation is None


def test_states_learnt_at_the_same_time_are_all_kept(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings)
    engines = [f"engine{number}" for number in range(8)]
    threads = [
        threading.Thread(target=ProfileStore(settings).save_voice_state, args=(made.profile_id, engine, STATE))
        for engine in engines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(store.get(made.profile_id).voice_states) == set(engines)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def make_nan(path: Path) -> None:
    np.save(path, np.full(256, np.nan, np.float32))


def make_short(path: Path) -> None:
    np.save(path, np.ones(255, np.float32))


def make_pickle(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def make_link(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_foreign(path: Path) -> None:
    path.write_text('{"hello": "world"}')


def make_deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def make_binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


def make_newer(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 2}))


def make_another(path: Path) -> None:
    path.write_text(path.read_text().replace(path.stem, "0b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e"))


@pytest.mark.parametrize(
    ("ending", "damage"),
    [
        (".json", truncate),
        (".json", make_foreign),
        (".json", make_deep),
        (".json", make_binary),
        (".json", make_newer),
        (".json", make_another),
        (".json", make_link),
        (".json", make_pipe),
        ("_embedding.npy", truncate),
        ("_embedding.npy", make_nan),
        ("_embedding.npy", make_short),
        ("_embedding.npy", make_pickle),
        ("_embedding.npy", make_link),
        ("_embedding.npy", make_folder),
        ("_embedding.npy", Path.unlink),
        ("_reference.flac", Path.unlink),
    ],
)
def test_a_damaged_profile_says_so_and_hides_no_other(
    settings: Settings, store: ProfileStore, folder: Path, caplog: pytest.LogCaptureFixture, ending: str, damage: object
) -> None:
    damaged, sound = make_profile(settings), make_profile(settings)
    damage(folder / f"{damaged.profile_id}{ending}")  # type: ignore[operator]

    with pytest.raises(StorageError, match=damaged.profile_id) as caught:
        store.get(damaged.profile_id)
    assert caught.value.suggestions
    assert store.list() == [sound]
    assert damaged.profile_id in caplog.text


def test_a_damaged_profile_can_be_deleted(settings: Settings, store: ProfileStore, folder: Path) -> None:
    made = make_profile(settings)
    truncate(folder / f"{made.profile_id}.json")
    store.delete(made.profile_id)
    assert names(folder) == set()


def test_a_changed_state_is_not_used(settings: Settings, store: ProfileStore, folder: Path) -> None:
    made = make_profile(settings, retrieval=STATE)
    path = folder / f"{made.profile_id}_retrieval.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(StorageError, match="retrieval"):
        store.load_voice_state(made.profile_id, "retrieval")


def test_foreign_files_are_left_alone(settings: Settings, store: ProfileStore, folder: Path) -> None:
    made = make_profile(settings)
    (folder / "notes.json").write_text("mine")
    assert store.list() == [made]
    assert (folder / "notes.json").read_text() == "mine"


def test_a_failed_write_leaves_nothing(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.suffix == ".json":
            raise StorageError("the disk is full")
        path.write_bytes(content)

    monkeypatch.setattr(folder_module.files, "write_file", full)
    with pytest.raises(StorageError):
        make_profile(settings, retrieval=STATE)
    assert names(folder) == set()


def test_what_a_crash_left_is_swept_up_but_not_what_is_in_the_making(settings: Settings, folder: Path) -> None:
    make_profile(settings)
    old = folder / "0b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e_reference.flac"
    new = folder / "1b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e_reference.flac"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    make_profile(settings)

    assert not old.exists()
    assert new.exists()


def test_an_unusable_embedding_is_not_stored(settings: Settings, store: ProfileStore, folder: Path) -> None:
    made = make_profile(settings)
    reference = store.load_reference(made.profile_id)
    other = made.model_copy(update={"profile_id": "0b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e"})
    before = names(folder)
    for embedding in (np.full(256, np.inf, np.float32), np.zeros(256, np.float32), np.ones(256, np.float64)):
        with pytest.raises(StorageError):
            store.create(other, embedding=embedding, reference=reference)
    assert names(folder) == before


def test_a_voice_that_is_there_is_not_made_again(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings)
    other = store.create(
        made.model_copy(update={"profile_name": "Eve"}),
        embedding=np.ones(256, np.float32),
        reference=Audio(np.ones((1, 100), np.float32), 16000),
    )
    assert other == made == store.get(made.profile_id)
    assert store.load_reference(made.profile_id).duration == pytest.approx(4.0)


def test_the_hash_of_samples() -> None:
    """One recording is known by its own hash, several by the hash of theirs, in their order."""
    one, other = sha256(b"one").hexdigest(), sha256(b"other").hexdigest()
    assert sample_hash([one]) == one
    assert sample_hash([one, other]) == sha256((one + other).encode()).hexdigest()
    assert sample_hash([one, other]) != sample_hash([other, one])
