"""Hostile names, ids and numbers; disks that fill up; folders damaged by hand; several at one file."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auto_voice import atomic_file
from auto_voice.audio import Audio
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.profiles import ProfileStore
from auto_voice.storage.cache import open_cache
from doors import House, Refusal, refusal, told
from simple_engines import RATE, make_profile, song, wav

SONG = wav(song(2.0))
STORAGE, NOT_FOUND = Refusal("storage_error", 500), Refusal("profile_not_found", 404)
INVALID = Refusal("invalid_parameters", 400)

NAMES = {
    "non-ASCII": "Ünï 歌 \u202e🎤.wav",
    "newline": "a\nb.wav",
    "quotes": "'a\" `b`.wav",
    "leading dash": "-rf.wav",
    "255 bytes": "é" * 125 + "x.wav",
    "not UTF-8": os.fsdecode(b"a\xff\xfeb.wav"),
    "shell": "$(rm -rf ~);|&.wav",
    "markup": "<script>[bold]{x}%s.wav",
    "dots": "...wav",
}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(house: House, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (house.out / NAMES[name]).write_bytes(SONG)
    monkeypatch.chdir(house.out)
    for arguments in (["convert", "--voice", "Ada", "--stems", "--report"], ["separate", "-o", house.folder / "stems"]):
        result = house.run(*arguments, "--json", "--", NAMES[name])
        assert result.exit_code == 0, result.output
        (entry,) = json.loads(result.stdout)["files"]
        assert entry["input"] == NAMES[name]
    assert len(list(house.out.iterdir())) == 5
    assert len(list((house.folder / "stems").iterdir())) == 2
    assert (house.out / NAMES[name]).read_bytes() == SONG


@pytest.mark.parametrize("output", ["y" * 300 + ".wav", "no/such/folder/x.wav", "file/x.wav"])
@pytest.mark.parametrize("command", [["convert", "--voice", "Ada"], ["speak"]])
def test_an_output_that_cannot_be_is_refused_with_a_remedy(
    house: House, monkeypatch: pytest.MonkeyPatch, command: list[str], output: str
) -> None:
    monkeypatch.chdir(house.out)
    (house.out / "file").write_bytes(SONG)
    result = house.run(*command, "-o", output, "--", "file")
    assert result.exit_code in (3, 8), result.output
    assert "to see where it happened" not in result.stderr  # what is said of errors nobody thought of
    assert [path.name for path in house.out.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "profile_id", ["../Ada", "../../etc/passwd", "", ".", "\0", "\udcff", "x" * 10_000, "%2e%2e/x", "*"]
)
def test_an_id_never_leads_out_of_the_folder(house: House, profile_id: str) -> None:
    before = house.files()
    store, pipeline = house.store, SingingConversionPipeline(house.settings)
    for ask in (store.get, store.find, store.delete, store.load_embedding, store.load_reference):
        assert refusal(lambda: ask(profile_id)) == NOT_FOUND  # noqa: B023 - called at once
    assert refusal(lambda: store.export(profile_id, house.out / "x.zip")) == NOT_FOUND
    assert refusal(lambda: pipeline.convert_song(SONG, profile_id)) == NOT_FOUND
    for arguments in (["show"], ["delete", "--yes"], ["export", "-o", house.out / "x.zip"]):
        assert told(house.run("profiles", *arguments, "--json", "--", profile_id)) == NOT_FOUND
    assert house.files() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"vocal_volume": float("nan")},
        {"vocal_volume": float("inf")},
        {"instrumental_volume": -1e-9},
        {"pitch_shift": "nan"},
        {"pitch_shift": float("-inf")},
        {"pitch_shift": 10**400},
        {"preset": "unknown"},
        {"preset": "../../x"},
    ],
)
def test_numbers_that_make_no_sense_are_refused_alike(house: House, wrong: dict[str, object]) -> None:
    pipeline = SingingConversionPipeline(house.settings)
    assert refusal(lambda: pipeline.convert_song(SONG, house.voice, **wrong)) == INVALID  # type: ignore[arg-type]
    (house.folder / "a.wav").write_bytes(SONG)
    options = [part for name, value in wrong.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    command = ["convert", house.folder / "a.wav", "--voice", "Ada", *options, "-o", house.out / "x.wav", "--json"]
    assert told(house.run(*command)) == INVALID
    assert list(house.out.iterdir()) == []


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (np.zeros((1, 0), np.float32), "invalid_audio"),
        (np.zeros((0, RATE), np.float32), "invalid_audio"),
        (np.full((2, RATE), np.nan, np.float32), "invalid_audio"),
        (np.full((2, RATE), np.inf, np.float32), "invalid_audio"),
        (np.zeros((1, 601 * RATE), np.float32), "file_too_large"),
        (np.zeros((1, RATE), np.float32), "pitch_extraction_failed"),
    ],
)
def test_arrays_are_held_to_the_limits_of_files(house: House, samples: np.ndarray, code: str) -> None:
    audio = Audio(samples, RATE)
    dry = refusal(lambda: SingingConversionPipeline(house.settings).convert_vocals(audio, house.voice))
    assert dry.code == code
    cloned = refusal(lambda: VoiceCloner(settings=house.settings).create_voice_profile(audio))
    assert cloned.code == (code if code != "pitch_extraction_failed" else "audio_too_short")


@pytest.fixture
def fill_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """From now on no file of which the path holds a text can be finished: its last bytes find no room."""
    sync = atomic_file._sync

    def fill(where: str) -> None:
        def full(path: Path) -> None:
            if where in str(path):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(path)

        monkeypatch.setattr(atomic_file, "_sync", full)

    return fill


def test_a_full_disk_under_the_results(house: House, fill_disk: Callable[[str], None]) -> None:
    (house.folder / "a.wav").write_bytes(SONG)
    fill_disk(str(house.out))
    before = house.files()
    assert house.convert_command(house.folder / "a.wav") == STORAGE
    assert house.separate_command(house.folder / "a.wav") == STORAGE
    assert refusal(lambda: house.store.export(house.voice, house.out / "x.zip")) == STORAGE
    assert {name: size for name, size in house.files().items() if "turning" not in name}.keys() == before.keys()


def test_a_full_disk_under_the_cache_costs_nothing_but_the_cache(
    house: House, fill_disk: Callable[[str], None]
) -> None:
    fill_disk("cache")
    result = SingingConversionPipeline(house.settings).convert_song(SONG, house.voice)
    assert result.duration == 2.0
    assert [path for path in house.settings.storage.cache_dir.rglob("*") if path.suffix or ".tmp" in path.name] == []


def test_a_full_disk_under_the_profiles(house: House, fill_disk: Callable[[str], None]) -> None:
    fill_disk("voice_profiles")
    before = house.files()
    assert refusal(lambda: make_profile(house.settings, "Eve")) == STORAGE
    converted = SingingConversionPipeline(house.settings).convert_song(SONG, house.voice)
    assert converted.duration == 2.0  # what was learnt of the voice could not be kept: that is all
    assert house.files() == before


DAMAGE: dict[str, Callable[[Path, str], object]] = {
    "no JSON": lambda folder, id_: (folder / f"{id_}.json").write_text("{"),
    "a list": lambda folder, id_: (folder / f"{id_}.json").write_text("[]"),
    "nested without end": lambda folder, id_: (folder / f"{id_}.json").write_text("[" * 100_000),
    "empty embedding": lambda folder, id_: (folder / f"{id_}_embedding.npy").write_bytes(b""),
    "no embedding": lambda folder, id_: (folder / f"{id_}_embedding.npy").unlink(),
    "pickle": lambda folder, id_: np.save(folder / f"{id_}_embedding.npy", np.array([{}], object), allow_pickle=True),
    "no recording": lambda folder, id_: (folder / f"{id_}_reference.flac").unlink(),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_profile_is_named_at_every_door_and_can_be_deleted(house: House, name: str) -> None:
    DAMAGE[name](house.settings.storage.voice_profiles_dir, house.voice)
    (house.folder / "a.wav").write_bytes(SONG)
    before = house.files()
    assert house.convert(house.folder / "a.wav") == STORAGE
    commands = [["convert", house.folder / "a.wav", "--voice", house.voice], ["profiles", "show", house.voice]]
    for command in commands:
        result = house.run(*command, "--json")
        assert told(result) == STORAGE
        assert house.voice in result.stderr
    assert house.run("profiles", "list").exit_code == 0
    assert house.files() == before
    assert house.run("profiles", "delete", house.voice, "--yes").exit_code == 0
    assert list(house.settings.storage.voice_profiles_dir.glob(f"{house.voice}*")) == []


def _convert_often(house: House) -> None:
    for _ in range(3):
        result = SingingConversionPipeline(house.settings).convert_song(SONG, house.voice, use_cache=False)
        assert np.isfinite(result.mixed_audio.samples).all()


def test_two_processes_convert_one_song_into_one_voice(house: House) -> None:
    """Both learn the voice, and write the same profile and the same cache entries, again and again."""
    workers = [multiprocessing.get_context("fork").Process(target=_convert_often, args=(house,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert set(ProfileStore(house.settings).get(house.voice).voice_states) == {"turning"}
    assert not [name for name in house.files() if ".tmp" in name]
    for kind in ("separations", "pitch", "content", "conversions"):
        cache = open_cache(house.settings, kind)  # type: ignore[arg-type]
        keys = [path.stem for path in cache.folder.glob("*.safetensors")]
        assert keys
        assert all(cache.get(key) is not None for key in keys)
