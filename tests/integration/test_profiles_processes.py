"""Two processes on one folder of profiles, and one that is killed at its work."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from auto_voice.config import Settings
from auto_voice.errors import ProfileNotFoundError
from auto_voice.profiles import ProfileStore
from auto_voice.profiles import folder as folder_module
from simple_engines import make_profile

_processes = multiprocessing.get_context("fork")


def _learn(settings: Settings, profile_id: str, engine: str) -> None:
    for round_ in range(5):
        ProfileStore(settings).save_voice_state(profile_id, engine, {"round": np.full(1000, round_)})
        ProfileStore(settings).load_voice_state(profile_id, engine)
        make_profile(settings, f"{engine} {round_}")


def test_two_processes_write_the_same_profile(settings: Settings) -> None:
    made = make_profile(settings)
    writers = [_processes.Process(target=_learn, args=(settings, made.profile_id, engine)) for engine in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    store = ProfileStore(settings)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert set(store.get(made.profile_id).voice_states) == {"one", "two"}
    assert store.load_voice_state(made.profile_id, "two")["round"][0] == 4
    assert store.count() == 11


def _make_and_die(settings: Settings, before: str) -> None:
    whole = folder_module.files.write_file

    def write_file(path: Path, content: bytes) -> None:
        if path.name.endswith(before):
            os.kill(os.getpid(), signal.SIGKILL)
        whole(path, content)

    folder_module.files.write_file = write_file  # type: ignore[assignment]
    make_profile(settings, state={"a": np.ones(3)})


@pytest.mark.parametrize("before", ["_embedding.npy", "_state.safetensors", ".json"])
def test_a_killed_process_leaves_no_profile(settings: Settings, before: str) -> None:
    writer = _processes.Process(target=_make_and_die, args=(settings, before))
    writer.start()
    writer.join(60)
    store, folder = ProfileStore(settings), settings.storage.voice_profiles_dir

    assert writer.exitcode == -signal.SIGKILL
    assert store.list() == []
    for leftover in folder.iterdir():
        with pytest.raises(ProfileNotFoundError):
            store.get(leftover.name[:36])
        os.utime(leftover, (0, 0))
    made = make_profile(settings)
    assert {path.name[:36] for path in folder.iterdir()} - {".lock"} == {made.profile_id}
